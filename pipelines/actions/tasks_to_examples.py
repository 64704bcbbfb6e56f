"""What `tasks_to_examples` does after its flags are parsed."""

import argparse
import time

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.stages.write_task_examples import convert_and_count
from pipelines.jobs import task_examples
from pipelines.jobs.task_examples import Converted, TaskJob
from pipelines.launch import beam_options
from pipelines.launch.beam_flags import BeamFlags
from pipelines.launch.progress import Progress


def perform(flags: argparse.Namespace, beam_flags: BeamFlags) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    started = time.monotonic()
    options = beam_options.options_of(flags, beam_flags)
    job = task_examples.make_job(flags)
    folder = OutputFolder(flags.output, job.result(), overwrite=flags.overwrite, work=WorkFolder(job.work_dir))
    if folder.is_answered(flags.dry_run, job.estimate):
        return 0
    beam_options.refuse_local_paths(options, output=flags.output)
    if job.is_of_files:
        beam_options.spare_processes(options, beam_flags, job.num_bytes)
    with folder.opened():
        converted = convert(job, options)
        task_examples.write_reports(job, folder, converted)
        made = task_examples.make_manifest(job, task_examples.publish(job, folder, converted), converted)
        folder.commit_manifest(made)
    print(
        f"{task_examples.describe(made)}, in {folder} after {time.monotonic() - started:.0f} s"
        f"{task_examples.left_out(converted)}; next: "
        f"python -m model.finetune --checkpoint=RUN --tasks={folder} --output=FINETUNED"
    )
    return 0


def convert(job: TaskJob, options: PipelineOptions) -> Converted:
    """Run the graph on the task files that are not converted yet. Returns: the results of all task files."""
    missing = job.unconverted()

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | "Task files" >> beam.Create(missing)
            | "Spread" >> beam.Reshuffle()
            | "Convert files" >> beam.Map(convert_and_count, job.settings, job.vocabulary, job.work_dir)
        )

    def look() -> tuple[int, int, str]:
        done = len(missing) - len(job.unconverted())
        return done, len(missing), f"{done} of {len(missing)} task files"

    if missing:
        with Progress("tasks", look):
            beam_options.run(build, options)
    return task_examples.read_converted(job)
