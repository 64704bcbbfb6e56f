"""Download WET files of Common Crawl, with few connections and patience if the server throttles.

    python -m pipelines.crawl_to_wet --crawl=CC-MAIN-2019-18 --num_files=8 --output=wet

Every file appears completely or not at all. A second run fetches the missing files, and continues interrupted downloads
where they stopped.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from c4pipe.command_line import Parser, add_flags, flag, importing, run
from c4pipe.crawl import paths
from c4pipe.errors import UserError


@dataclass(frozen=True)
class Flags:
    crawl: str = flag(
        metavar="CRAWL,...", help="name of a crawl such as CC-MAIN-2019-18, or several, separated by commas"
    )
    output: str = flag(metavar="DIR", help="folder or URL for the WET files")
    num_files: int = flag(8, help="number of files per crawl")
    first_file: int = flag(0, help="place of the first file in wet.paths")
    base_url: str = flag(paths.BASE_URL, metavar="URL", help="URL that contains crawl-data/")
    connections: int = flag(4, help="number of files that are downloaded at the same time")
    retry_seconds: float = flag(1.0, help="least time between retries; it grows while the server refuses")
    dry_run: bool = flag(False, help="only say which files would be downloaded, and what the crawl costs")


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.crawl_to_wet", description=__doc__)
    add_flags(parser, None, Flags)
    return parser


def check(flags: argparse.Namespace) -> None:
    """Raises: UserError for any mistake in the command line."""
    if flags.num_files < 1 or flags.first_file < 0 or flags.connections < 1 or flags.retry_seconds < 0:
        raise UserError("--num_files and --connections must be at least 1, --first_file and --retry_seconds at least 0")


def main(argv: Sequence[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    check(flags)
    with importing():
        from pipelines.actions import crawl_to_wet
    return crawl_to_wet.perform(flags)


if __name__ == "__main__":
    run(main)
