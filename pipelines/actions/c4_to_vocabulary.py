"""What `c4_to_vocabulary` does after its flags are parsed."""

import argparse
import contextlib
import time

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.shards import files
from c4pipe.stages.sample_pages import SamplePages
from pipelines.jobs import vocabulary
from pipelines.jobs.vocabulary import Sampled, VocabularyJob
from pipelines.jobs.vocabulary_estimate import estimate
from pipelines.launch import beam_options
from pipelines.launch.beam_flags import BeamFlags
from pipelines.launch.progress import Progress


def perform(flags: argparse.Namespace, beam_flags: BeamFlags) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    started = time.monotonic()
    options = beam_options.options_of(flags, beam_flags)
    beam_options.refuse_template(options, "the launcher waits for the sample and trains on it")
    job = vocabulary.make_job(flags)
    work = WorkFolder(job.work_dir)
    folder = OutputFolder(flags.output, job.result(), overwrite=flags.overwrite, work=work)
    if folder.is_answered(flags.dry_run, lambda: estimate(job)):
        return 0
    beam_options.refuse_local_paths(options, output=flags.output)
    beam_options.spare_processes(options, beam_flags, sum(map(files.size, job.paths)))
    with folder.opened():
        # An incomplete sample cannot be continued, so the work folder is removed even if sampling fails.
        with contextlib.ExitStack() as cleared:
            cleared.callback(work.remove)
            sampled = sample(job, options)
        trained = vocabulary.train_on(job, sampled)
        made = vocabulary.write_files(job, folder, sampled, trained)
        folder.commit_manifest(made)
    print(vocabulary.summary(job, trained, made, time.monotonic() - started))
    return 0


def sample(job: VocabularyJob, options: PipelineOptions) -> Sampled:
    """Run the graph that samples the sources. Returns: the sample."""
    shards, weights = job.shards, [source.weight for source in job.sources]

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | "Text shards" >> beam.Create(shards)
            | "Spread" >> beam.Reshuffle()
            | "Sample" >> SamplePages(weights, job.sample_bytes, job.work_dir)
        )

    def look() -> tuple[int, int, str]:
        done = sum(name.startswith("sample-") for name in files.list_folder(job.work_dir))
        return done, len(shards), f"sampled {done} of {len(shards)} text shards"

    with Progress("sample", look):
        beam_options.run(build, options)
    return vocabulary.read_sampled(job)
