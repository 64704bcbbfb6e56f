"""Pre-train T5 on example shards: `torchrun --nproc_per_node=N -m model.pretrain --examples=DIR --output=RUN`.

For a single process, `python -m model.pretrain` is enough. The run folder gets run.json, metrics.jsonl, checkpoints,
the vocabulary and run.html.
"""

from c4pipe.command_line import Parser, add_flags, importing, run
from c4pipe.errors import UserError
from model.architectures.config import ARCHITECTURE_NAMES
from model.architectures.presets import DEFAULT_PRESET, PRESETS
from model.data.mixture_flags import MixtureFlags
from model.training.flags import PACK_HELP, add_training_flags
from model.training.ranks import slurm
from model.training.ranks.speaker import is_first
from model.training.settings import TrainingSettings


def parser() -> Parser:
    """The flags of the command."""
    flags = Parser(prog="python -m model.pretrain", description=__doc__)
    add = flags.add_argument_group("pre-training").add_argument
    add(
        "--examples",
        required=True,
        metavar="DIR[@TASK][:rate],...",
        help="folders that c4_to_examples or tasks_to_examples made",
    )
    add("--output", required=True, metavar="RUN", help="folder of the run")
    add("--preset", metavar="NAME", help=f"size of the model: {', '.join(PRESETS)} (default: {DEFAULT_PRESET})")
    add("--architecture", metavar="NAME", help=f"one of {', '.join(ARCHITECTURE_NAMES)} (default: encoder_decoder)")
    add(
        "--dropout_rate",
        type=float,
        help="share of values that are dropped (default: depends on the preset: v1.0 0.1, v1.1 0)",
    )
    add(
        "--from_hugging_face",
        metavar="DIR",
        help="start from the weights (and size) of a Hugging Face T5 folder, or of a model of the hub such as "
        "google/t5-v1_1-base",
    )
    add("--validation_examples", type=int, default=256, help="validation examples per folder; 0: no validation")
    add(
        "--max_examples",
        type=int,
        help="use only so many training examples of each folder, from the first; the run repeats them (default: all)",
    )
    add(
        "--repeat",
        type=int,
        metavar="TIMES",
        help="use only so many examples that the run sees each of them this often, as in the paper's Table 9; it must "
        "divide steps x batch size",
    )
    add("--pack", action="store_true", help=PACK_HELP)
    add(
        "--text",
        metavar="DIR",
        help="text shards that the examples were made from; used to list URLs if the loss becomes NaN",
    )
    add_flags(flags, "mixture", MixtureFlags)
    add_training_flags(flags, TrainingSettings())
    return flags


def main(argv: list[str] | None = None) -> int:
    """Run the command. Returns: the exit status."""
    slurm.adopt()
    arguments = parser().parse_args(argv)
    if arguments.max_examples is not None and arguments.repeat is not None:
        raise UserError("--max_examples and --repeat both limit the examples; give only one of them")
    for name in ("max_examples", "repeat"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise UserError(f"--{name}={value} must be at least 1")
    with importing():
        from model.actions import pretrain
    return pretrain.perform(arguments)


if __name__ == "__main__":
    run(main, is_speaker=is_first)
