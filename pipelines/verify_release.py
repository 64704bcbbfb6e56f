"""Check a released C4 (allenai/c4) against the WET files it was made from.

    python -m pipelines.verify_release --wet='wet/*.warc.wet.gz' --released='en/c4-*.json.gz' --output=verified

For every released page whose URL and timestamp are in the WET files, the released lines must be an ordered subset of
the lines after our cleaning, and language, bad words and split must agree. For pages that were not released, a table
counts the rules and duplicates that could explain it. The exit status is 0 if every row agrees, else 1; verify.html
shows the rows that disagree.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from c4pipe.command_line import Parser, add_flags, flag, importing, run
from c4pipe.corpus.variants import COMPATS
from c4pipe.corpus.wet.parsers import WET_PARSERS
from c4pipe.machine import num_cores
from pipelines.launch import shared_flags


@dataclass(frozen=True)
class Flags:
    wet: str = flag(metavar="GLOB", help="WET files of the crawl that the release was made from")
    released: str = flag(metavar="GLOB", help="shards of the release, such as c4-train.00000-of-01024.json.gz")
    output: str = flag(metavar="DIR", help="folder for verify.json and verify.html")
    variant: str = flag("en", choices=("en", "en.noblocklist"), help="the released variant")
    compat: str = flag(
        "tfds-3.0.1",
        choices=tuple(COMPATS),
        help="the version whose rules are applied; AllenAI released 3.0.1",
    )
    wet_parser: str = flag("tfds", choices=tuple(WET_PARSERS), help="the parser of WET files")
    assets: str | None = flag(
        None, metavar="DIR", help="folder with punkt_tab and badwords", otherwise="they are downloaded once"
    )
    sentence_model: str = shared_flags.sentence_model()
    badwords: str | None = flag(None, metavar="FILE", help="your own list of bad words")
    previous: str | None = flag(
        None,
        metavar="DIR,...",
        help="corpora of earlier crawls to which the release was added: no page (by URL) and no line may be in them",
    )
    num_workers: int = flag(num_cores(), help="number of processes")
    overwrite: bool = shared_flags.overwrite()
    dry_run: bool = flag(False, help="only say what would be compared")


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.verify_release", description=__doc__)
    add_flags(parser, None, Flags)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    with importing():
        from pipelines.actions import verify_release
    return verify_release.perform(flags)


if __name__ == "__main__":
    run(main)
