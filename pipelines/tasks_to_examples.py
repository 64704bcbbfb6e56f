"""Make example shards of tasks: text in, text out, with the references that scoring needs.

    python -m pipelines.tasks_to_examples --input='tasks/*.jsonl' --vocabulary=vocabulary --output=task_examples

Input is JSON lines (.jsonl, .json, also .gz and .zst), TSV with a header, or Parquet. Records with `inputs`, `targets`
and `task` are taken as they are, for any task of your own; raw records of a task of the catalog need --task. `hf:PATH`
instead of files reads a data set by the Hugging Face `datasets` package. An example goes where its record's `split`
says (train, validation, test), else one in ten, by a hash of its inputs, validates.

    -> TASK-train-*.arrow TASK-validation-*.arrow manifest.json report.json report.html quarantine.jsonl spiece.model
"""

from collections.abc import Sequence

from c4pipe.command_line import Parser, run
from c4pipe.shards.reading import kinds
from c4pipe.tasks import catalog
from pipelines.launch import beam_flags, quarantine_flag


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
    quarantine_flag.add(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace another result in the output folder")
    parser.add_argument("--dry_run", action="store_true", help="say what would be done")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags, left = beam_flags.parse(parser(), argv)
    quarantine_flag.check(flags)
    from pipelines.actions import tasks_to_examples

    return tasks_to_examples.perform(flags, left)


if __name__ == "__main__":
    run(main)
