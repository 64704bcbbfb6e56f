"""Fine-tune a model on tasks: `python -m model.finetune --checkpoint=RUN --tasks=DIR --output=FINETUNED`.

It also runs under torchrun. The checkpoint is a run of c4pipe or a Hugging Face T5 folder. Tasks are folders that
tasks_to_examples made, single tasks in them (DIR@TASK), or a mixture. The score on the validation splits chooses the
best checkpoint.
"""

from c4pipe.command_line import Parser, add_flags, importing, run
from model.data.mixture_flags import MixtureFlags
from model.finetuning.catalog import METHODS
from model.training.flags import PACK_HELP, add_training_flags
from model.training.ranks import slurm
from model.training.ranks.speaker import is_first
from model.training.settings import TrainingSettings

# As in the paper: a constant learning rate, 2^18 steps of 128 examples, a checkpoint every 5,000 steps (section 3.1.2).
DEFAULTS = TrainingSettings(
    steps=262_144, schedule="constant", z_loss=0.0, evaluate_every=5000, checkpoint_every=5000, keep=1
)


DROPOUT_RATE = 0.1


def parser() -> Parser:
    """The flags of the command."""
    flags = Parser(prog="python -m model.finetune", description=__doc__)
    add = flags.add_argument_group("fine-tuning").add_argument
    add(
        "--checkpoint",
        required=True,
        metavar="RUN[@best|@last|@STEP]",
        help="a run, a Hugging Face T5 folder, or a model of the hub",
    )
    add("--tasks", required=True, metavar="DIR[@TASK][:rate],...", help="folders that tasks_to_examples made")
    add("--output", required=True, metavar="RUN", help="folder of the run")
    add("--method", default="all_parameters", choices=METHODS, help="which parameters train")
    add("--adapter_size", type=int, default=128, help="inner size of adapters, for --method=adapters")
    add("--dropout_rate", type=float, default=DROPOUT_RATE, help="dropout rate of training")
    add(
        "--from_scratch",
        action="store_true",
        help="use only the shape of the checkpoint's model and not its weights, to measure what pre-training gains",
    )
    add(
        "--validation_examples",
        type=int,
        default=1000,
        help="examples per task that each evaluation decodes; 0: no evaluation",
    )
    add("--pack", action="store_true", help=PACK_HELP)
    add("--max_length", type=int, help="longest outputs in validation, in tokens (default: depends on the task)")
    add_flags(flags, "mixture", MixtureFlags)
    rates = ", ".join(f"{name} {method.learning_rate}" for name, method in METHODS.items())
    add_training_flags(flags, DEFAULTS, {"learning_rate": f"depends on the method: {rates}"})
    return flags


def main(argv: list[str] | None = None) -> int:
    """Run the command. Returns: the exit status."""
    slurm.adopt()
    arguments = parser().parse_args(argv)
    arguments.learning_rate = arguments.learning_rate or METHODS[arguments.method].learning_rate
    arguments.schedule = arguments.schedule or DEFAULTS.schedule
    with importing():
        from model.actions import finetune
    return finetune.perform(arguments)


if __name__ == "__main__":
    run(main, is_speaker=is_first)
