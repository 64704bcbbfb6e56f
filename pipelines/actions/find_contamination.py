"""What `find_contamination` does after its flags are parsed."""

import argparse
import time

import apache_beam as beam

from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.shards import files
from c4pipe.stages.search_pages import SearchPages
from pipelines.jobs import contamination
from pipelines.jobs.contamination import Job
from pipelines.launch import beam_options, quarantine
from pipelines.launch.beam_flags import BeamFlags
from pipelines.launch.progress import Progress


def perform(flags: argparse.Namespace, beam_flags: BeamFlags) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    started = time.monotonic()
    options = beam_options.options_of(flags, beam_flags)
    job = contamination.make_job(flags)
    folder = OutputFolder(flags.output, job.result(), overwrite=flags.overwrite, work=WorkFolder(job.plan.work))
    num_workers = beam_options.num_workers(options)
    if folder.is_answered(flags.dry_run, lambda: contamination.estimate(job, num_workers)):
        return 0
    beam_options.refuse_local_paths(options, output=flags.output)
    beam_options.spare_processes(options, beam_flags, sum(files.size(shard.path) for shard in job.shards))
    with folder.opened():
        contamination.prepare(job)
        with Progress("contamination", job.look):
            beam_options.run(lambda pipeline: _search(pipeline, job), options)
        result = contamination.finish(job, folder)
    seconds = time.monotonic() - started
    print(f"{folder}: {contamination.describe(result)}, in {seconds:.1f} s{quarantine.last_words(result)}")
    return 0


def _search(pipeline: beam.Pipeline, job: Job) -> None:
    _ = (
        pipeline
        | "Text shards" >> beam.Create(job.shards)
        | "Spread" >> beam.Reshuffle()
        | "Search pages" >> beam.ParDo(SearchPages(job.plan))
    )
