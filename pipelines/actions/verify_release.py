"""What `verify_release` does after its flags are parsed."""

import argparse
import sys
import time

from c4pipe.folders.output_folder import OutputFolder
from pipelines.jobs import release
from pipelines.launch.workers import worker_processes


def perform(flags: argparse.Namespace) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    started = time.monotonic()
    job = release.make_job(flags)
    folder = OutputFolder(flags.output, job.result(), overwrite=flags.overwrite)
    if flags.dry_run:
        print(folder.outlook(lambda: job.estimate(flags.output)))
        return 0
    if folder.is_finished():
        found = release.read_result(folder)
        folder.nothing_to_do(release.verdict(found))
        return release.EXIT_DISAGREE if found["rows_disagreeing"] else 0
    with folder.opened():
        with worker_processes(max(1, flags.num_workers)) as pool:
            result = release.verify(job, pool)
        result.seconds = round(time.monotonic() - started, 2)
        release.commit(folder, result)
    for notice in result.notices:
        print(f"notice: {notice}", file=sys.stderr)
    print(f"{release.verdict(vars(result))}; {folder.file(release.PAGE)} shows more, after {result.seconds:.0f} s")
    return release.EXIT_DISAGREE if result.rows_disagreeing else 0
