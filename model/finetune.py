"""Fine-tune a model on tasks: `python -m model.finetune --checkpoint=RUN --tasks=DIR --output=FINETUNED`.

Also under torchrun. The checkpoint is a run of ours or a Hugging Face T5 folder; tasks are folders of
tasks_to_examples, one of their tasks (DIR@TASK), or a mixture. The best checkpoint is kept by the score on the
validation splits.
"""

from c4pipe.command_line import Parser, run
from model.data.mixture_flags import add_mixture_flags
from model.finetuning.catalog import METHODS
from model.training.flags import add_training_flags
from model.training.ranks.speaker import is_first
from model.training.settings import TrainingSettings

# The paper's: a constant rate, 2^18 steps of 128 examples, a checkpoint every 5,000 steps (section 3.1.2).
DEFAULTS = TrainingSettings(
    steps=262_144, schedule="constant", z_loss=0.0, evaluate_every=5000, checkpoint_every=5000, keep=1
)


DROPOUT_RATE = 0.1


def parser() -> Parser:
    """The command's flags."""
    flags = Parser(prog="python -m model.finetune", description=__doc__)
    what = flags.add_argument_group("what")
    add = what.add_argument
    add("--checkpoint", required=True, metavar="RUN[@best|@last|@STEP]", help="a run, or a Hugging Face T5 folder")
    add("--tasks", required=True, metavar="DIR[@TASK][:rate],...", help="folders of tasks_to_examples")
    add("--output", required=True, metavar="RUN", help="the run's folder")
    add("--method", default="all_parameters", choices=METHODS, help="what trains")
    add("--adapter_size", type=int, default=128, help="inner size of adapters, for --method=adapters")
    add("--dropout_rate", type=float, default=DROPOUT_RATE, help="while training")
    add(
        "--from_scratch", action="store_true", help="take the checkpoint's shape alone, to compare with no pre-training"
    )
    add("--validation_examples", type=int, default=1000, help="of each task, decoded at each evaluation; 0: none")
    add("--pack", action="store_true", help="put several short examples into one row, for mixtures of uneven tasks")
    add("--max_length", type=int, help="longest outputs in validation, in tokens (by the task)")
    add_mixture_flags(flags)
    rates = ", ".join(f"{name} {method.learning_rate}" for name, method in METHODS.items())
    add_training_flags(flags, DEFAULTS, {"learning_rate": f"by the method: {rates}"})
    return flags


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    arguments = parser().parse_args(argv)
    arguments.learning_rate = arguments.learning_rate or METHODS[arguments.method].learning_rate
    arguments.schedule = arguments.schedule or DEFAULTS.schedule
    from model.actions import finetune

    return finetune.perform(arguments)


if __name__ == "__main__":
    run(main, is_speaker=is_first)
