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
from dataclasses import dataclass

from c4pipe.command_line import Parser, add_flags, flag, importing, run
from c4pipe.shards.reading import kinds
from c4pipe.tasks import catalog
from pipelines.launch import beam_flags, shared_flags


@dataclass(frozen=True)
class Flags:
    input: str = flag(
        metavar="PATH[@SPLIT],...",
        help=f"globs of files ({kinds.IN_WORDS}), or hf:PATH; SPLIT is needed if a file's name does not say it",
    )
    vocabulary: str = flag(metavar="DIR", help="a folder with spiece.model, or a model of the hub")
    output: str = flag(metavar="DIR", help="folder for the shards")
    task: str = flag("", help=f"task of raw records, one of {' '.join(catalog.TASKS)}")
    inputs_length: int = flag(512, help="length in tokens with EOS at which inputs are cut")
    targets_length: int | None = flag(
        None, help="the same for targets", otherwise="the longest that occurs, at most 512"
    )
    num_extra_ids: int | None = shared_flags.num_extra_ids()
    max_quarantined_fraction: float = shared_flags.max_quarantined_fraction()
    overwrite: bool = shared_flags.overwrite()
    dry_run: bool = flag(False, help="only say what would be done")


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.tasks_to_examples", description=__doc__)
    add_flags(parser, None, Flags)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags, left = beam_flags.parse(parser(), argv)
    shared_flags.check_quarantined_fraction(flags)
    with importing():
        from pipelines.actions import tasks_to_examples
    return tasks_to_examples.perform(flags, left)


if __name__ == "__main__":
    run(main)
