"""Decode a split of tasks and score it: `python -m model.evaluate --checkpoint=RUN --tasks=DIR`.

Writes metrics.json (the scores of every task with 95% bootstrap intervals, and the average of each benchmark) and
predictions.jsonl (one line per example, in the order of the shards). --checkpoint also accepts a Hugging Face T5
folder. With RUN@each, all checkpoints of the run are scored, and each task counts with its best checkpoint, as in the
paper's multi-task training (section 3.5.2).
"""

from c4pipe.command_line import Parser, importing, run
from c4pipe.errors import UserError
from model.training.settings import PRECISIONS


def parser() -> Parser:
    """The flags of the command."""
    flags = Parser(prog="python -m model.evaluate", description=__doc__)
    add = flags.add_argument
    add(
        "--checkpoint",
        required=True,
        metavar="RUN[@best|@last|@STEP|@each]",
        help="a run, a Hugging Face T5 folder, or a model of the hub",
    )
    add("--tasks", required=True, metavar="DIR[@TASK],...", help="folders that tasks_to_examples made")
    add("--adapters", metavar="RUN", help="a fine-tuning with adapters, to add its adapters to the checkpoint")
    add("--split", default="validation", help="the split to decode")
    add("--output", metavar="DIR", help="folder for the results (default: RUN/evaluation)")
    add("--num_beams", type=int, default=1, help="1: greedy decoding; the paper has 4 for translation and summaries")
    add("--length_penalty", type=float, default=0.6, help="exponent of the length penalty in beam search")
    add(
        "--max_length",
        type=int,
        help="longest outputs in tokens (default: depends on the task: its longest label, or its longest targets)",
    )
    add("--max_examples", type=int, help="how many examples of each task to decode, from the first (default: all)")
    add("--batch_size", type=int, default=64, help="how many examples are decoded together")
    add(
        "--metrics",
        default="",
        metavar="TASK:METRIC+METRIC,...",
        help="metrics for your own tasks; a tokenizer can follow @, as in bleu@zh, bleu@flores200 or rouge@unicode",
    )
    add(
        "--contamination",
        metavar="DIR",
        help="folder of find_contamination, to score clean and contaminated examples separately",
    )
    add("--seed", type=int, default=0, help="random seed of the bootstrap")
    add("--device", default="auto", choices=("auto", "cpu", "cuda"), help="where to compute")
    add("--precision", default="auto", choices=PRECISIONS, help="auto: bf16 on a GPU that supports it")
    add("--overwrite", action="store_true", help="replace another result in the output folder")
    add("--dry_run", action="store_true", help="only say what would be done")
    return flags


def main(argv: list[str] | None = None) -> int:
    """Run the command. Returns: the exit status."""
    arguments = parser().parse_args(argv)
    if min(arguments.num_beams, arguments.batch_size, arguments.max_length or 1, arguments.max_examples or 1) < 1:
        raise UserError("--num_beams, --batch_size, --max_length and --max_examples must be at least 1")
    with importing():
        from model.actions import evaluate
    return evaluate.perform(arguments)


if __name__ == "__main__":
    run(main)
