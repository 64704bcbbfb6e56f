"""What `drop_near_duplicates` does after its flags are parsed."""

import argparse
import time

from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.shards import files
from c4pipe.stages.near_duplicates.drop_near_duplicates import DropNearDuplicates
from pipelines.jobs import near_duplicates
from pipelines.launch import beam_options, quarantine
from pipelines.launch.beam_flags import BeamFlags
from pipelines.launch.progress import Progress


def perform(flags: argparse.Namespace, beam_flags: BeamFlags) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    started = time.monotonic()
    options = beam_options.options_of(flags, beam_flags)
    job = near_duplicates.make_job(flags)
    plan = job.plan
    work = WorkFolder(plan.work)
    folder = OutputFolder(plan.output, job.result(), overwrite=flags.overwrite, work=work, keep_work=flags.keep_work)
    num_workers = beam_options.num_workers(options)
    if folder.is_answered(flags.dry_run, lambda: near_duplicates.estimate(job, num_workers)):
        return 0
    beam_options.refuse_local_paths(options, output=flags.output)
    beam_options.spare_processes(options, beam_flags, sum(files.size(shard.path) for shard in job.shards))
    with folder.opened():
        with Progress("near_duplicates", job.look):
            beam_options.run(lambda pipeline: pipeline | DropNearDuplicates(plan, list(job.shards)), options)
        made = near_duplicates.finish(job, folder)
        folder.commit_manifest(made)
    print(
        f"{folder}: {near_duplicates.describe(made)}, in {time.monotonic() - started:.1f} s"
        f"{quarantine.last_words(made.statistics)}; next: "
        f"python -m pipelines.c4_to_examples --input={folder} --vocabulary=VOCABULARY --output=EXAMPLES"
    )
    return 0
