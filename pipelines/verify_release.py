"""Check a released C4 (allenai/c4) against the WET files it was made from.

    python -m pipelines.verify_release --wet='wet/*.warc.wet.gz' --released='en/c4-*.json.gz' --output=verified

For every released page whose URL and timestamp are in the WET files, its lines must be an ordered subset of ours after
cleaning, and language, bad words and split must agree. For every page that was not released the table says which rule
or which duplicate could explain it. Exit status 0: every row agrees; 1: some do not; verify.html says which.
"""

from collections.abc import Sequence

from c4pipe.command_line import Parser, run
from c4pipe.corpus.pinned_assets import PUNKT_TAB
from c4pipe.corpus.variants import COMPATS
from c4pipe.corpus.wet.parsers import WET_PARSERS
from c4pipe.machine import num_cores


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.verify_release", description=__doc__)
    add = parser.add_argument
    add("--wet", required=True, metavar="GLOB", help="WET files of the crawl that the release was made from")
    add("--released", required=True, metavar="GLOB", help="shards of the release, as c4-train.00000-of-01024.json.gz")
    add("--output", required=True, help="folder for verify.json and verify.html")
    add("--variant", default="en", choices=("en", "en.noblocklist"), help="what was released")
    add("--compat", default="tfds-3.0.1", choices=tuple(COMPATS), help="whose rules; AllenAI released 3.0.1")
    add("--wet_parser", default="tfds", choices=tuple(WET_PARSERS), help="how WET files are read")
    add("--assets", help="folder with punkt_tab and badwords; downloaded once if not given")
    add("--sentence_model", default=PUNKT_TAB, help="punkt_tab, bundled, or a folder with Punkt's four files")
    add("--badwords", help="a list of bad words of your own")
    add("--num_workers", type=int, default=num_cores(), help="processes")
    add("--overwrite", action="store_true", help="replace what another run left in the output folder")
    add("--dry_run", action="store_true", help="say what would be compared")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    from pipelines.actions import verify_release

    return verify_release.perform(flags)


if __name__ == "__main__":
    run(main)
