"""The settings that decide the result of training, and those that decide how a run is carried out."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from c4pipe.choices import check_choice
from c4pipe.command_line import flag
from c4pipe.errors import UserError
from c4pipe.shards.stream.choices import BAD_SHARD_POLICIES, DEFAULT_CACHE_BYTES
from model.training.figures.trackers import TRACKERS
from model.training.optimizers.catalog import OPTIMIZERS, recipe_by_name
from model.training.schedules import SCHEDULES, SHRINKS_TO_THE_END, schedule_by_name

PRECISIONS = ("auto", "fp32", "bf16")
COMPILE_UNITS = ("model", "layer")
PARALLEL = ("ddp", "fsdp", "hsdp")


@dataclass(frozen=True)
class BestMetric:
    """The metric of the evaluations that chooses the best checkpoint."""

    name: str = "validation_loss"
    higher_is_better: bool = False


def _by_optimizer(name: str) -> str:
    """The value of each optimizer's recipe, for the help of a flag."""
    values = ", ".join(f"{optimizer} {getattr(recipe, name)}" for optimizer, recipe in OPTIMIZERS.items())
    return f"depends on the optimizer: {values}"


@dataclass(frozen=True)
class TrainingSettings:
    """The settings that decide the result of training. None: from the optimizer's recipe (`optimizers.catalog`)."""

    steps: int = flag(524_288, help="number of updates")
    batch_size: int = flag(128, help="examples per update, over all ranks")
    gradient_accumulation: int = flag(
        0, help="number of parts in which each rank computes its share of a batch; 0: as few as fit into memory"
    )
    optimizer: str = flag("adafactor", choices=tuple(OPTIMIZERS), help="the optimizer")
    learning_rate: float | None = flag(
        None, help="highest learning rate of the schedule", otherwise=_by_optimizer("learning_rate")
    )
    schedule: str | None = flag(
        None,
        choices=tuple(SCHEDULES),
        help="how the learning rate changes over the steps",
        otherwise=_by_optimizer("schedule"),
    )
    warmup_steps: int | None = flag(
        None,
        help="steps until the highest rate is reached; with inverse_square_root, steps for which the rate is constant",
        otherwise="10000 for inverse_square_root, 0 for constant, else at most a tenth of the steps",
    )
    max_gradient_norm: float | None = flag(
        None,
        help="global norm to which gradients are clipped; 0: no clipping",
        otherwise=_by_optimizer("max_gradient_norm"),
    )
    weight_decay: float = flag(0.0, help="decoupled weight decay, per step at a learning rate of 1")
    z_loss: float = flag(1e-4, help="weight of the loss log(Z)^2, which keeps logits from drifting")
    precision: str = flag(
        "auto", choices=PRECISIONS, help="precision of matrix products; auto: bf16 on a GPU that supports it"
    )
    compile: bool = flag(False, help="compile the model with torch.compile")
    compile_unit: str = flag(
        "model",
        choices=COMPILE_UNITS,
        help="with --compile: the whole model, or one layer that all layers share, which starts sooner; "
        "sharded models are compiled by layer",
    )
    activation_checkpointing: bool = flag(
        False, help="keep only the input of each layer, and compute the rest again in the backward pass"
    )
    seed: int = flag(0, help="decides the initial parameters, the order of examples and dropout")
    log_every: int = flag(50, help="steps between lines of metrics.jsonl")
    evaluate_every: int = flag(1000, help="steps between evaluations")
    checkpoint_every: int = flag(1000, help="steps between checkpoints")
    keep: int = flag(3, help="how many of the newest checkpoints to keep, besides the best")

    # Apart from rounding, these do not change the result: a run may continue with other values.
    FREE = frozenset(
        {
            "gradient_accumulation",
            "precision",
            "compile",
            "compile_unit",
            "activation_checkpointing",
            "log_every",
            "evaluate_every",
            "checkpoint_every",
            "keep",
        }
    )

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "log_every", "evaluate_every", "checkpoint_every", "keep"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name}={getattr(self, name)} must be at least 1")
        for name in ("gradient_accumulation", "weight_decay", "z_loss", "warmup_steps", "max_gradient_norm"):
            if (getattr(self, name) or 0) < 0:
                raise UserError(f"--{name}={getattr(self, name)} must not be negative")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise UserError(f"--learning_rate={self.learning_rate} must be above 0")
        check_choice("compile_unit", self.compile_unit, COMPILE_UNITS)
        if self.compile_unit != "model" and not self.compile:
            raise UserError(f"--compile_unit={self.compile_unit} is for --compile; give --compile too, or leave it out")
        check_choice("precision", self.precision, PRECISIONS)
        recipe_by_name(self.optimizer)
        if self.schedule is not None:
            schedule_by_name(self.schedule)

    def completed(self) -> "TrainingSettings":
        """A copy in which the optimizer's recipe replaces None.

        The warm-up from a recipe is at most a tenth of the run, except for the inverse square root, whose constant part
        is not a warm-up.
        """
        recipe = recipe_by_name(self.optimizer)
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["learning_rate"] = self.learning_rate or recipe.learning_rate
        values["schedule"] = self.schedule or recipe.schedule
        if self.warmup_steps is None:
            short = max(1, self.steps // 10)
            flat = values["schedule"] == "inverse_square_root"
            values["warmup_steps"] = recipe.warmup_steps if flat else min(recipe.warmup_steps, short)
            if values["schedule"] == "constant":
                values["warmup_steps"] = 0
        if self.max_gradient_norm is None:
            values["max_gradient_norm"] = recipe.max_gradient_norm
        return TrainingSettings(**values)

    def rate_at(self, step: int) -> float:
        """The learning rate of a step (counted from 1). The settings must be completed."""
        assert self.schedule and self.learning_rate and self.warmup_steps is not None
        return schedule_by_name(self.schedule)(step, self.learning_rate, self.warmup_steps, self.steps)

    def share(self, world_size: int) -> int:
        """The number of examples of a global batch that each rank computes.

        Raises: UserError if the batch size is not a multiple of ranks x accumulation.
        """
        parts = world_size * max(self.gradient_accumulation, 1)
        if self.batch_size % parts:
            raise UserError(
                f"--batch_size={self.batch_size} is not a multiple of {world_size} ranks x "
                f"{max(self.gradient_accumulation, 1)} accumulations; make it a multiple of {parts}"
            )
        return self.batch_size // world_size

    def to_json(self) -> dict[str, Any]:
        """The settings as `run.json` stores them."""
        return asdict(self)

    def check_continues(self, earlier: dict[str, Any]) -> None:
        """Check that a run with `earlier` settings (from `to_json`) can continue with these.

        Raises: UserError that names the differences, if the result would be another run.
        """
        mine = self.to_json()
        differing = [name for name in mine if name in earlier and mine[name] != earlier[name] and name not in self.FREE]
        if differing == ["steps"] and self.schedule not in SHRINKS_TO_THE_END:
            return
        if differing:
            what = ", ".join(f"--{name}={earlier[name]} (now {mine[name]})" for name in differing)
            raise UserError(
                f"the run was started with {what}; continue with the same flags, or choose another --output"
            )


@dataclass(frozen=True)
class RunningSettings:
    """Settings of how a run is carried out. They may differ at each start, so `run.json` does not store them."""

    resume: bool = flag(False, help="continue from the newest intact checkpoint, if there is one")
    on_bad_shard: str = flag("fail", choices=BAD_SHARD_POLICIES, help="what to do about a corrupt shard of examples")
    num_threads: int = flag(2, help="threads per rank that unpack examples")
    cache_dir: str | None = flag(
        None,
        metavar="DIR",
        help="folder that caches shards of remote folders",
        otherwise="$C4PIPE_CACHE/shards, else ~/.cache/c4pipe/shards",
    )
    cache_gigabytes: float = flag(DEFAULT_CACHE_BYTES / 2**30, help="largest size of the cache")
    device: str = flag("auto", choices=("auto", "cpu", "cuda"), help="where to compute; auto: GPUs if there are any")
    peak_tflops: float | None = flag(
        None,
        help="peak TFLOP/s of the device, for the share of peak (MFU) in the metrics",
        otherwise="known for common GPUs",
    )
    parallel: str = flag(
        "ddp",
        choices=PARALLEL,
        help="ddp: each rank has the whole model; fsdp: parameters, gradients and the optimizer's state are sharded "
        "over all ranks; hsdp: over the ranks of each node",
    )
    timeout_seconds: float = flag(600.0, help="how long ranks wait for each other")
    track: str = flag("", metavar="TRACKER,...", help=f"also send metrics to {' or '.join(TRACKERS)}")
    dry_run: bool = flag(False, help="only say what would be done")

    def __post_init__(self) -> None:
        for name in ("num_threads", "cache_gigabytes", "timeout_seconds", "peak_tflops"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"--{name}={value} must be above 0")
        check_choice("parallel", self.parallel, PARALLEL)
