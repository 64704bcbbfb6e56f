"""Make example shards of tasks: text in, text out, with the references that scoring needs.

    python -m pipelines.tasks_to_examples --input='tasks/*.jsonl' --vocabulary=vocabulary --output=task_examples

Input is JSON lines (.jsonl, .json, also .gz and .zst), TSV with a header, or Parquet. Records with `inputs`, `targets`
and `task` are taken as they are, for any task of your own; raw records of a task of the catalog need --task. `hf:PATH`
instead of files reads a data set by the Hugging Face `datasets` package. An example goes where its record's `split`
says (train, validation, test), else one in ten, by a hash of its inputs, validates.

    -> TASK-train-*.arrow TASK-validation-*.arrow manifest.json report.json report.html quarantine.jsonl spiece.model
"""

import time
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from c4pipe.command_line import Parser, run
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.shards.reading import kinds
from c4pipe.stages.write_task_examples import WriteTaskExamples
from c4pipe.tasks import catalog
from pipelines.jobs import task_examples
from pipelines.jobs.task_examples import Converted, TaskJob
from pipelines.launch import beam_options, quarantine
from pipelines.launch.progress import Progress


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.tasks_to_examples", description=__doc__)
    parser.add_argument(
        "--input",
        required=True,
        metavar="PATH[@SPLIT],...",
        help=f"globs of files ({kinds.IN_WORDS}), or hf:PATH; SPLIT where a file's name does not tell it",
    )
    parser.add_argument("--vocabulary", required=True, help="folder with spiece.model")
    parser.add_argument("--output", required=True, help="folder for the shards")
    parser.add_argument("--task", default="", help=f"what raw records are: {' '.join(catalog.TASKS)}")
    parser.add_argument("--inputs_length", type=int, default=512, help="tokens, EOS included; longer inputs are cut")
    parser.add_argument("--targets_length", type=int, help="the same for targets (the longest that occur, 512 at most)")
    parser.add_argument("--num_extra_ids", type=int, help="sentinels of the vocabulary, where its folder does not tell")
    quarantine.add_flag(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace another result in the output folder")
    parser.add_argument("--dry_run", action="store_true", help="say what would be done")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    started = time.monotonic()
    flags, options = beam_options.parse(parser(), argv)
    quarantine.check_flag(flags)
    job = task_examples.make_job(flags)
    folder = OutputFolder(flags.output, job.result(), overwrite=flags.overwrite, work=WorkFolder(job.work_dir))
    if flags.dry_run:
        print(folder.outlook(job.estimate))
        return 0
    if folder.is_finished():
        return folder.nothing_to_do()
    beam_options.refuse_local_paths(options, output=flags.output)
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
    """Run the graph on the task files that are not converted yet; what became of all of them."""
    missing = job.unconverted()

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | "TaskFiles" >> beam.Create(missing)
            | "WriteTaskExamples" >> WriteTaskExamples(job.settings, job.vocabulary, job.work_dir)
        )

    def look() -> tuple[int, int, str]:
        done = len(missing) - len(job.unconverted())
        return done, len(missing), f"{done} of {len(missing)} task files"

    if missing:
        with Progress("tasks", look):
            beam_options.run(build, options)
    return task_examples.read_converted(job)


if __name__ == "__main__":
    run(main)
