"""Make example shards from text-to-text tasks, with the references that scoring needs.

    python -m pipelines.tasks_to_examples --input='tasks/*.jsonl' --vocabulary=vocabulary --output=task_examples

Records with `inputs`, `targets` and `task` are used as they are, for your own tasks. Raw records of a task in the
catalog need --task. TSV files need a header, except for tasks that name their columns, such as cola. `hf:PATH` reads a
data set with the Hugging Face `datasets` package. The split of an example (train, validation, test) comes from the
field `split` of its record, or else from the data set, FILE@SPLIT or the file's name. Without any of these, a hash of
the inputs selects one example in ten for validation.

    -> TASK-train-*.arrow TASK-validation-*.arrow manifest.json report.json report.html quarantine.jsonl spiece.model
"""

from collections.abc import Sequence

from c4pipe.command_line import Parser, importing, run
from c4pipe.shards.reading import kinds
from c4pipe.tasks import catalog
from pipelines.launch import beam_flags, folder_flags, quarantine_flag


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.tasks_to_examples", description=__doc__)
    parser.add_argument(
        "--input",
        required=True,
        metavar="PATH[@SPLIT],...",
        help=f"globs of files ({kinds.IN_WORDS}), or hf:PATH; SPLIT is needed if a file's name does not say it",
    )
    parser.add_argument(
        "--vocabulary", required=True, metavar="DIR", help="a folder with spiece.model, or a model of the hub"
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the shards")
    parser.add_argument("--task", default="", help=f"task of raw records, one of {' '.join(catalog.TASKS)}")
    parser.add_argument(
        "--inputs_length", type=int, default=512, help="length in tokens with EOS at which inputs are cut"
    )
    parser.add_argument(
        "--targets_length", type=int, help="the same for targets (default: the longest that occurs, at most 512)"
    )
    parser.add_argument(
        "--num_extra_ids", type=int, help="number of sentinels, if the folder of the vocabulary does not say it"
    )
    quarantine_flag.add(parser)
    folder_flags.add(parser, dry_run="only say what would be done")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags, left = beam_flags.parse(parser(), argv)
    quarantine_flag.check(flags)
    with importing():
        from pipelines.actions import tasks_to_examples
    return tasks_to_examples.perform(flags, left)


if __name__ == "__main__":
    run(main)
