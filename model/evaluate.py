"""Decode a split of tasks and score it: `python -m model.evaluate --checkpoint=RUN --tasks=DIR`.

Writes metrics.json (every task's scores with 95% bootstrap intervals, and each benchmark's average) and
predictions.jsonl (a line an example, in the order of the shards). --checkpoint also takes a Hugging Face T5 folder, or
RUN@each: then each task is scored by the checkpoint of the run that does best on it, as the paper does with multi-task
training (section 3.5.2).
"""

from c4pipe.command_line import Parser, run
from c4pipe.errors import UserError
from model.training.settings import PRECISIONS


def parser() -> Parser:
    """The command's flags."""
    flags = Parser(prog="python -m model.evaluate", description=__doc__)
    add = flags.add_argument
    add(
        "--checkpoint", required=True, metavar="RUN[@best|@last|@STEP|@each]", help="a run, or a Hugging Face T5 folder"
    )
    add("--tasks", required=True, metavar="DIR[@TASK],...", help="folders of tasks_to_examples")
    add("--adapters", metavar="RUN", help="adapters that a fine-tuning stored alone, for the checkpoint as their base")
    add("--split", default="validation", help="which split")
    add("--output", help="folder for the results (RUN/evaluation)")
    add("--num_beams", type=int, default=1, help="1 is greedy; the paper takes 4 for translation and summaries")
    add("--length_penalty", type=float, default=0.6, help="of beam search")
    add(
        "--max_length", type=int, help="longest outputs in tokens (by the task: the longest label, the longest targets)"
    )
    add("--max_examples", type=int, help="the first so many examples of each task")
    add("--batch_size", type=int, default=64, help="examples decoded together")
    add(
        "--metrics",
        default="",
        metavar="TASK:METRIC+METRIC,...",
        help="metrics of tasks of your own; with a tokenizer as in bleu@zh, bleu@flores200 or rouge@unicode",
    )
    add("--seed", type=int, default=0, help="of the bootstrap")
    add("--device", default="auto", choices=("auto", "cpu", "cuda"), help="where to compute")
    add("--precision", default="auto", choices=PRECISIONS, help="auto: bf16 on a GPU that has it")
    add("--overwrite", action="store_true", help="replace another result in the output folder")
    add("--dry_run", action="store_true", help="say what would be done")
    return flags


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    arguments = parser().parse_args(argv)
    if min(arguments.num_beams, arguments.batch_size, arguments.max_length or 1, arguments.max_examples or 1) < 1:
        raise UserError("--num_beams, --batch_size, --max_length and --max_examples start at 1")
    from model.actions import evaluate

    return evaluate.perform(arguments)


if __name__ == "__main__":
    run(main)
