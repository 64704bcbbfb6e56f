"""Fine-tune with every method, on every task, with several seeds, and compare the scores on a page.

    python -m model.compare_methods --checkpoint=RUN --tasks=DIR,... --output=DIR

This is a plan of model.search that starts from a checkpoint: one row per method, as in the paper's Table 10. If the
command is stopped, a second start continues. The row `from_scratch` trains all parameters without the checkpoint's
weights, which shows how much pre-training helps. The training flags of model.finetune are accepted too.
"""

import sys

from c4pipe.choices import check_choice
from c4pipe.command_line import Parser, importing, run
from c4pipe.errors import UserError
from model import finetune
from model.experiments.flags import add_carrying_out, check_carrying_out
from model.finetuning.variants import DEFAULT_RATES, VARIANTS, parse_rates
from model.training.flags import add_training_flags


def parser() -> Parser:
    """The flags of the command."""
    flags = Parser(prog="python -m model.compare_methods", description=__doc__)
    comparison_flags = flags.add_argument_group("comparison")
    add = comparison_flags.add_argument
    add(
        "--checkpoint",
        required=True,
        metavar="RUN[@best|@last|@STEP]",
        help="a run, a Hugging Face T5 folder, or a model of the hub",
    )
    add("--tasks", required=True, metavar="DIR[@TASK],...", help="folders of tasks; each task is trained separately")
    add("--output", required=True, metavar="DIR", help="folder for the runs and the page")
    add("--seeds", type=int, default=3, help="number of runs per method and task")
    add("--methods", default=",".join(VARIANTS), metavar="METHOD,...", help="the methods to compare")
    add(
        "--rates",
        default="",
        metavar="METHOD:RATE[+RATE...],...",
        help="learning rates; if a method has several, the first seed chooses the best rate for each task (default: "
        f"depends on the method: {', '.join(f'{name} {rate}' for name, rate in DEFAULT_RATES.items())})",
    )
    add("--adapter_size", type=int, default=128, help="inner size of adapters")
    add("--dropout_rate", type=float, default=finetune.DROPOUT_RATE, help="dropout rate of training")
    add("--validation_examples", type=int, default=1000, help="examples per task that each evaluation decodes")
    add_carrying_out(flags)
    add_training_flags(flags, finetune.DEFAULTS)
    return flags


def main(argv: list[str] | None = None) -> int:
    """Run the command. Returns: the exit status."""
    arguments = parser().parse_args(argv)
    arguments.argv = list(sys.argv[1:] if argv is None else argv)
    check_carrying_out(arguments)
    if arguments.validation_examples < 1:
        raise UserError("--validation_examples must be at least 1")
    for name in filter(None, arguments.methods.split(",")):
        check_choice("method", name, VARIANTS)
    parse_rates(arguments.rates)
    with importing():
        from model.actions import compare_methods
    return compare_methods.perform(arguments)


if __name__ == "__main__":
    run(main)
