"""Download WET files of Common Crawl: few connections, patient with throttling, every file whole or not there.

    python -m pipelines.crawl_to_wet --crawl=CC-MAIN-2019-18 --num_files=8 --output=wet

A second run fetches what is missing. Files that broke off are continued where they stopped.
"""

import os
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Sequence

from c4pipe.command_line import EXIT_INTERRUPTED, Parser, run
from c4pipe.crawl import paths
from c4pipe.crawl.download import Failed, Stopped
from c4pipe.errors import UserError
from c4pipe.folders.lock import held
from c4pipe.shards import files
from pipelines.jobs import downloads
from pipelines.jobs.downloads import Crawls, Manners, Wanted


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.crawl_to_wet", description=__doc__)
    parser.add_argument("--crawl", required=True, help="a crawl's name, or several with commas: CC-MAIN-2019-18")
    parser.add_argument("--output", required=True, help="folder for the WET files")
    parser.add_argument("--num_files", type=int, default=8, help="files to have of each crawl")
    parser.add_argument("--first_file", type=int, default=0, help="the first of them, by its place in wet.paths")
    parser.add_argument("--base_url", default=paths.BASE_URL, help="where crawl-data/ lies")
    parser.add_argument("--connections", type=int, default=4, help="files downloaded at a time")
    parser.add_argument(
        "--retry_seconds",
        type=float,
        default=1.0,
        help="at most one retry in this time, and more rarely the longer a server refuses",
    )
    parser.add_argument("--dry_run", action="store_true", help="say which files would be downloaded, and their size")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    downloads.check_flags(flags)
    manners = Manners.of(flags.retry_seconds, threading.Event())
    with downloads.stop_on_signals(manners.stopping), tempfile.TemporaryDirectory() as apart:
        try:
            status = _fetch(flags, Crawls(flags.output, apart, manners, flags.base_url), manners)
        except Failed as error:
            raise UserError(f"{error}; check --crawl and --base_url") from error
        except Stopped:
            status = EXIT_INTERRUPTED
    if status == EXIT_INTERRUPTED:
        print("interrupted; the same command continues with what is missing", file=sys.stderr)
    return status


def _fetch(flags: Namespace, crawls: Crawls, manners: Manners) -> int:
    started = time.monotonic()
    wanted = downloads.all_wanted(flags, crawls)
    missing = downloads.missing_of(wanted, flags.output)
    if not missing:
        print(f"all {len(wanted)} WET files are in {flags.output}; nothing to do")
        return 0
    total = crawls.estimate_bytes(missing)
    partial = downloads.partial_folder(flags.output)
    if flags.dry_run:
        partial.check()
        print(downloads.describe(flags.output, wanted, missing, total))
        return 0
    with held(flags.output, "crawl_to_wet"):
        downloads.look_for_space(flags.output, total)
        partial.open("crawl_to_wet", flags.crawl)
        crawls.keep()
        failures = downloads.download(missing, flags.output, flags.connections, manners, total)
        if partial.is_empty():
            partial.remove()
    if manners.stopping.is_set():
        return EXIT_INTERRUPTED
    if failures:
        more = f" (and {len(failures) - 1} other files)" if len(failures) > 1 else ""
        raise UserError(f"{failures[0]}{more}; the other files are whole, the same command tries these again")
    print(_summary(missing, flags.output, time.monotonic() - started))
    return 0


def _summary(missing: Sequence[Wanted], output: str, seconds: float) -> str:
    size = sum(files.size(os.path.join(output, entry.name)) for entry in missing)
    return (
        f"{len(missing)} WET files, {size / 1e6:,.1f} MB, in {output} after {seconds:.0f} s; next: "
        f"python -m pipelines.wet_to_c4 --input='{output}/*.wet.gz' --output=c4"
    )


if __name__ == "__main__":
    run(main)
