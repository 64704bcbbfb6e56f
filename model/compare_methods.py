"""Fine-tune by every method, on every task, with several seeds, and put the scores on one page.

    python -m model.compare_methods --checkpoint=RUN --tasks=DIR,... --output=DIR

Each run lies in OUTPUT/runs/TASK/METHOD/seed-N; a second start continues with the first that is not done. The variant
`from_scratch` trains all parameters of the same shape without the checkpoint's weights: what pre-training is worth. All
flags of model.finetune that train are taken too.
"""

from c4pipe.choices import check_choice
from c4pipe.command_line import Parser, run
from c4pipe.errors import UserError
from model import finetune
from model.finetuning.variants import DEFAULT_RATES, VARIANTS, parse_rates
from model.training.flags import add_training_flags


def parser() -> Parser:
    """The command's flags."""
    flags = Parser(prog="python -m model.compare_methods", description=__doc__)
    what = flags.add_argument_group("what")
    add = what.add_argument
    add("--checkpoint", required=True, metavar="RUN[@best|@last|@STEP]", help="a run, or a Hugging Face T5 folder")
    add("--tasks", required=True, metavar="DIR[@TASK],...", help="every task of these folders, one at a time")
    add("--output", required=True, metavar="DIR", help="folder for the runs and the page")
    add("--seeds", type=int, default=3, help="runs of each method and task")
    add("--methods", default=",".join(VARIANTS), help="which, with commas")
    add(
        "--rates",
        default="",
        metavar="METHOD:RATE[+RATE...],...",
        help="learning rates; of several, the first seed chooses the one that scores best on each task (default: "
        f"by the method: {', '.join(f'{name} {rate}' for name, rate in DEFAULT_RATES.items())})",
    )
    add("--adapter_size", type=int, default=128, help="inner size of adapters")
    add("--dropout_rate", type=float, default=finetune.DROPOUT_RATE, help="while training")
    add("--validation_examples", type=int, default=1000, help="of each task, decoded at each evaluation")
    add_training_flags(flags, finetune.DEFAULTS)
    return flags


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    arguments = parser().parse_args(argv)
    if arguments.seeds < 1 or arguments.validation_examples < 1:
        raise UserError("--seeds and --validation_examples start at 1")
    for name in filter(None, arguments.methods.split(",")):
        check_choice("method", name, VARIANTS)
    parse_rates(arguments.rates)
    from model.actions import compare_methods

    return compare_methods.perform(arguments, finetune.main)


if __name__ == "__main__":
    run(main)
