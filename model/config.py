"""The flags of training, the same for `pretrain` and `finetune`, and the settings they make."""

import argparse
from dataclasses import fields

from c4pipe.command_line import Parser
from c4pipe.shards.stream.stream import BAD_SHARD_POLICIES
from model.training.optimizers import OPTIMIZERS
from model.training.schedules import SCHEDULES
from model.training.settings import PRECISIONS, RunningSettings, TrainingSettings
from model.training.trackers import TRACKERS


def add_training_flags(parser: Parser, defaults: TrainingSettings) -> None:
    """The flags that make `TrainingSettings` and `RunningSettings`."""
    training = parser.add_argument_group("training")
    add = training.add_argument
    add("--steps", type=int, default=defaults.steps, help="updates")
    add("--batch_size", type=int, default=defaults.batch_size, help="examples of an update, over all ranks")
    add(
        "--gradient_accumulation",
        type=int,
        default=defaults.gradient_accumulation,
        help="parts that each rank cuts its share of a batch into; 0: the fewest that fit in memory",
    )
    add("--optimizer", default=defaults.optimizer, choices=OPTIMIZERS, help="update rule")
    add("--learning_rate", type=float, help="highest of the schedule; by the optimizer: 0.01, adamw 0.02")
    add("--schedule", choices=SCHEDULES, help="by the optimizer: inverse_square_root, adamw cosine")
    add("--warmup_steps", type=int, help="steps of the warm-up; inverse_square_root is constant so long (10,000)")
    add("--weight_decay", type=float, default=defaults.weight_decay, help="decoupled, a step of rate 1")
    add("--max_gradient_norm", type=float, help="clip the global norm; 0: never; by the optimizer: 0, adamw 1")
    add("--z_loss", type=float, default=defaults.z_loss, help="weight of log(Z)^2")
    add("--seed", type=int, default=defaults.seed, help="of parameters, order of examples and dropout")
    add("--precision", default=defaults.precision, choices=PRECISIONS, help="auto: bf16 on a GPU that has it")
    add("--compile", action="store_true", default=defaults.compile, help="torch.compile")
    add(
        "--activation_checkpointing",
        action="store_true",
        default=defaults.activation_checkpointing,
        help="keep each layer's input alone, compute the rest twice",
    )
    running = parser.add_argument_group("running")
    add = running.add_argument
    add("--resume", action="store_true", help="continue from the newest whole checkpoint, if there is one")
    add("--log_every", type=int, default=defaults.log_every, help="steps between lines of metrics.jsonl")
    add("--evaluate_every", type=int, default=defaults.evaluate_every, help="steps between evaluations")
    add("--checkpoint_every", type=int, default=defaults.checkpoint_every, help="steps between checkpoints")
    add("--keep", type=int, default=defaults.keep, help="newest checkpoints to keep, beside the best")
    add("--on_bad_shard", default="fail", choices=BAD_SHARD_POLICIES, help="what a corrupt shard does")
    add("--num_threads", type=int, default=2, help="threads of a rank that unpack examples")
    add("--cache_dir", help="where shards of remote folders are kept")
    add("--cache_gigabytes", type=float, default=16.0, help="how much of them")
    add("--device", default="auto", choices=("auto", "cpu", "cuda"), help="auto: GPUs where there are any")
    add("--peak_tflops", type=float, help="the device's peak, for the share of it (known for common GPUs)")
    add("--timeout_seconds", type=float, default=600.0, help="how long ranks wait for each other")
    add("--track", default="", metavar=",".join(TRACKERS), help="also send metrics there")
    add("--dry_run", action="store_true", help="say what would be done, and do nothing")


def training_settings(arguments: argparse.Namespace) -> TrainingSettings:
    """The settings that the flags make, completed by the optimizer's recipe.

    Raises: UserError for values that make no sense.
    """
    values = {field.name: getattr(arguments, field.name) for field in fields(TrainingSettings)}
    return TrainingSettings(**values).completed()


def running_settings(arguments: argparse.Namespace) -> RunningSettings:
    """How the flags say that a run is carried out."""
    return RunningSettings(**{field.name: getattr(arguments, field.name) for field in fields(RunningSettings)})
