"""What `c4_to_examples` does after its flags are parsed."""

import argparse
import time

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions

from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.shards import files
from c4pipe.stages.make_examples import Made, make_or_find
from pipelines.jobs import examples
from pipelines.jobs.examples import ExampleJob
from pipelines.launch import beam_options
from pipelines.launch.beam_flags import BeamFlags
from pipelines.launch.progress import Progress


def perform(flags: argparse.Namespace, beam_flags: BeamFlags) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    started = time.monotonic()
    options = beam_options.options_of(flags, beam_flags)
    job = examples.make_job(flags)
    folder = OutputFolder(flags.output, job.result(), overwrite=flags.overwrite, work=WorkFolder(job.work_dir))
    if folder.is_answered(flags.dry_run, lambda: job.estimate(beam_options.num_workers(options))):
        return 0
    beam_options.refuse_local_paths(options, output=flags.output)
    _use_threads_if_small(options, beam_flags, job)
    with folder.opened():
        made = make(job, options)
        manifest = examples.write_reports(job, folder, made)
        folder.commit_manifest(manifest)
    print(examples.summary(manifest, flags.output, time.monotonic() - started))
    return 0


def _use_threads_if_small(options: PipelineOptions, beam_flags: BeamFlags, job: ExampleJob) -> None:
    """Use threads of this process if there is little to do and the user did not choose a runner."""
    if beam_flags.names("--runner", "--direct_running_mode"):
        return
    direct = options.view_as(DirectOptions)
    if direct.direct_running_mode == "multi_processing" and job.is_small:
        direct.direct_running_mode = "multi_threading"


def make(job: ExampleJob, options: PipelineOptions) -> list[Made]:
    """Run the graph. Returns: a record per text shard, in their order."""

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | "Text shards" >> beam.Create(job.shards)
            | "Spread" >> beam.Reshuffle()
            | "Make examples" >> beam.Map(make_or_find, job.recipe, job.output)
        )

    def look() -> tuple[int, int, str]:
        done = sum(name.endswith(".json") for name in files.list_folder(job.work_dir))
        return done, len(job.shards), f"{done} of {len(job.shards)} text shards"

    with Progress("examples", look):
        beam_options.run(build, options)
    return examples.read_made(job)
