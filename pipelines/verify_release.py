"""Check a released C4 (allenai/c4) against the WET files it was made from.

    python -m pipelines.verify_release --wet='wet/*.warc.wet.gz' --released='en/c4-*.json.gz' --output=verified

For every released page whose URL and timestamp are in the WET files, the released lines must be an ordered subset of
the lines after our cleaning, and language, bad words and split must agree. For pages that were not released, a table
counts the rules and duplicates that could explain it. The exit status is 0 if every row agrees, else 1; verify.html
shows the rows that disagree.
"""

from collections.abc import Sequence

from c4pipe.command_line import Parser, importing, run
from c4pipe.corpus.pinned_assets import PUNKT_TAB
from c4pipe.corpus.variants import COMPATS
from c4pipe.corpus.wet.parsers import WET_PARSERS
from c4pipe.machine import num_cores
from pipelines.launch import folder_flags


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.verify_release", description=__doc__)
    add = parser.add_argument
    add("--wet", required=True, metavar="GLOB", help="WET files of the crawl that the release was made from")
    add(
        "--released",
        required=True,
        metavar="GLOB",
        help="shards of the release, such as c4-train.00000-of-01024.json.gz",
    )
    add("--output", required=True, metavar="DIR", help="folder for verify.json and verify.html")
    add("--variant", default="en", choices=("en", "en.noblocklist"), help="the released variant")
    add(
        "--compat",
        default="tfds-3.0.1",
        choices=tuple(COMPATS),
        help="the version whose rules are applied; AllenAI released 3.0.1",
    )
    add("--wet_parser", default="tfds", choices=tuple(WET_PARSERS), help="the parser of WET files")
    add("--assets", metavar="DIR", help="folder with punkt_tab and badwords (default: they are downloaded once)")
    add(
        "--sentence_model",
        default=PUNKT_TAB,
        metavar="NAME_OR_DIR",
        help="punkt_tab, bundled, or a folder with Punkt's four files",
    )
    add("--badwords", metavar="FILE", help="your own list of bad words")
    add(
        "--previous",
        metavar="DIR,...",
        help="corpora of earlier crawls to which the release was added: no page (by URL) and no line may be in them",
    )
    add("--num_workers", type=int, default=num_cores(), help="number of processes")
    folder_flags.add(parser, dry_run="only say what would be compared")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    with importing():
        from pipelines.actions import verify_release
    return verify_release.perform(flags)


if __name__ == "__main__":
    run(main)
