"""Download WET files of Common Crawl, with few connections and patience if the server throttles.

    python -m pipelines.crawl_to_wet --crawl=CC-MAIN-2019-18 --num_files=8 --output=wet

Every file appears completely or not at all. A second run fetches the missing files, and continues interrupted downloads
where they stopped.
"""

import argparse
from collections.abc import Sequence

from c4pipe.command_line import Parser, importing, run
from c4pipe.crawl import paths
from c4pipe.errors import UserError
from c4pipe.shards import files


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.crawl_to_wet", description=__doc__)
    parser.add_argument(
        "--crawl",
        required=True,
        metavar="CRAWL,...",
        help="name of a crawl such as CC-MAIN-2019-18, or several, separated by commas",
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the WET files")
    parser.add_argument("--num_files", type=int, default=8, help="number of files per crawl")
    parser.add_argument("--first_file", type=int, default=0, help="place of the first file in wet.paths")
    parser.add_argument("--base_url", default=paths.BASE_URL, metavar="URL", help="URL that contains crawl-data/")
    parser.add_argument(
        "--connections", type=int, default=4, help="number of files that are downloaded at the same time"
    )
    parser.add_argument(
        "--retry_seconds",
        type=float,
        default=1.0,
        help="least time between retries; it grows while the server refuses",
    )
    parser.add_argument(
        "--dry_run", action="store_true", help="only say which files would be downloaded, and what the crawl costs"
    )
    return parser


def check(flags: argparse.Namespace) -> None:
    """Raises: UserError for any mistake in the command line."""
    if flags.num_files < 1 or flags.first_file < 0 or flags.connections < 1 or flags.retry_seconds < 0:
        raise UserError("--num_files and --connections must be at least 1, --first_file and --retry_seconds at least 0")
    if files.is_remote(flags.output):
        raise UserError("--output must be a local folder; copy it to an object store afterwards")


def main(argv: Sequence[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    check(flags)
    with importing():
        from pipelines.actions import crawl_to_wet
    return crawl_to_wet.perform(flags)


if __name__ == "__main__":
    run(main)
