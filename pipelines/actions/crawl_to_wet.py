"""What `crawl_to_wet` does after its flags are parsed."""

import argparse
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Sequence

from c4pipe.command_line import EXIT_INTERRUPTED
from c4pipe.crawl.download import Failed, Stopped
from c4pipe.errors import UserError
from c4pipe.folders.lock import made_and_locked
from c4pipe.shards import files
from pipelines.jobs import crawl_cost, downloads
from pipelines.jobs.downloads import Crawls, Manners, Wanted


def perform(flags: argparse.Namespace) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    manners = Manners.of(flags.retry_seconds, threading.Event())
    local = downloads.local_folder(flags.output)
    with downloads.stop_on_signals(manners.stopping), tempfile.TemporaryDirectory() as temporary:
        try:
            status = _fetch(flags, Crawls(local, temporary, manners, flags.base_url), manners)
        except Failed as error:
            raise UserError(f"{error}; check --crawl and --base_url") from error
        except Stopped:
            status = EXIT_INTERRUPTED
    if status == EXIT_INTERRUPTED:
        print("interrupted; the same command continues with the missing files", file=sys.stderr)
    return status


def _fetch(flags: Namespace, crawls: Crawls, manners: Manners) -> int:
    started = time.monotonic()
    wanted = downloads.all_wanted(flags, crawls)
    missing = downloads.missing_of(wanted, flags.output)
    if not missing:
        print(f"all {len(wanted)} WET files are in {flags.output}; nothing to do")
        return 0
    total = crawls.estimate_bytes(missing)
    local = downloads.local_folder(flags.output)
    partial = downloads.partial_folder(local)
    if flags.dry_run:
        partial.check()
        print(downloads.describe(flags.output, wanted, missing, total))
        for crawl in flags.crawl.split(","):
            size = crawl_cost.size_of(crawl, flags.base_url, flags.retry_seconds)
            print(f"\n{crawl}\n{crawl_cost.cost_of_download(size, flags.num_files)}")
        return 0
    with made_and_locked(local, "crawl_to_wet"):
        downloads.check_free_space(local, downloads.local_bytes(flags, total, len(missing)))
        partial.open("crawl_to_wet", flags.crawl)
        crawls.keep()
        failures = downloads.download(missing, flags.output, flags.connections, manners, total)
        if partial.is_empty():
            partial.remove()
    if manners.stopping.is_set():
        return EXIT_INTERRUPTED
    if failures:
        more = f" (and {len(failures) - 1} other files)" if len(failures) > 1 else ""
        raise UserError(f"{failures[0]}{more}; the other files are complete; the same command tries these again")
    print(_summary(missing, flags.output, time.monotonic() - started))
    return 0


def _summary(missing: Sequence[Wanted], output: str, seconds: float) -> str:
    sizes = files.sizes(output)
    size = sum(sizes[entry.name] for entry in missing)
    return (
        f"{len(missing)} WET files, {size / 1e6:,.1f} MB, in {output} after {seconds:.0f} s; next: "
        f"python -m pipelines.wet_to_c4 --input='{output}/*.wet.gz' --output=c4"
    )
