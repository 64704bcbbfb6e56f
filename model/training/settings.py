"""What decides how a model is trained, and how a run of it is carried out."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from c4pipe.errors import UserError
from model.training.optimizers import recipe_by_name
from model.training.schedules import SHRINKS_TO_THE_END, schedule_by_name

PRECISIONS = ("auto", "fp32", "bf16")


@dataclass(frozen=True)
class BestMetric:
    """By which metric of the evaluations the best checkpoint is kept."""

    name: str = "validation_loss"
    higher_is_better: bool = False


@dataclass(frozen=True)
class TrainingSettings:
    """The settings of the trainer. None: the optimizer's recipe decides (see `optimizers.OPTIMIZERS`).

    batch_size: examples of one update, over all ranks. gradient_accumulation: parts that a rank cuts its share into;
    0 takes the fewest that fit in memory. learning_rate: the highest of the schedule. max_gradient_norm: global
    norm that gradients are clipped to, 0 does not clip. z_loss: weight of log(Z)^2. precision: `auto` is bf16 on a
    GPU that has it, else fp32. keep: how many of the newest checkpoints stay beside the best.
    """

    steps: int = 524_288
    batch_size: int = 128
    gradient_accumulation: int = 0
    optimizer: str = "adafactor"
    learning_rate: float | None = None
    schedule: str | None = None
    warmup_steps: int | None = None
    max_gradient_norm: float | None = None
    weight_decay: float = 0.0
    z_loss: float = 1e-4
    precision: str = "auto"
    compile: bool = False
    activation_checkpointing: bool = False
    seed: int = 0
    log_every: int = 50
    evaluate_every: int = 1000
    checkpoint_every: int = 1000
    keep: int = 3

    # These change neither the data nor the arithmetic beyond rounding: a run may continue with others.
    FREE = frozenset(
        {
            "gradient_accumulation",
            "precision",
            "compile",
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
        if self.precision not in PRECISIONS:
            raise UserError(f"there is no precision {self.precision!r}; choose one of {', '.join(PRECISIONS)}")
        recipe_by_name(self.optimizer)
        if self.schedule is not None:
            schedule_by_name(self.schedule)

    def completed(self) -> "TrainingSettings":
        """The same with the recipe's values where this has None.

        A warm-up that a recipe proposes is not longer than a tenth of the run, but for the inverse square root, whose
        flat part is no warm-up.
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
        """The learning rate of a step, counted from 1. Only for completed settings."""
        assert self.schedule and self.learning_rate and self.warmup_steps is not None
        return schedule_by_name(self.schedule)(step, self.learning_rate, self.warmup_steps, self.steps)

    def share(self, world_size: int) -> int:
        """Examples of a global batch that one rank takes.

        Raises: UserError where ranks x accumulation do not divide the batch.
        """
        parts = world_size * max(self.gradient_accumulation, 1)
        if self.batch_size % parts:
            raise UserError(
                f"--batch_size={self.batch_size} is not divided by {world_size} ranks x "
                f"{max(self.gradient_accumulation, 1)} accumulations; make it a multiple of {parts}"
            )
        return self.batch_size // world_size

    def to_json(self) -> dict[str, Any]:
        """What `run.json` keeps."""
        return asdict(self)

    def check_continues(self, earlier: dict[str, Any]) -> None:
        """Check that a run with `earlier` settings (of `to_json`) can go on with these.

        Raises: UserError that names what differs and would make another run of it.
        """
        mine = self.to_json()
        differing = [name for name in mine if name in earlier and mine[name] != earlier[name] and name not in self.FREE]
        if differing == ["steps"] and self.schedule not in SHRINKS_TO_THE_END:
            return
        if differing:
            what = ", ".join(f"--{name}={earlier[name]} (now {mine[name]})" for name in differing)
            raise UserError(f"the run was started with {what}; continue with the same, or choose another --output")


@dataclass(frozen=True)
class RunningSettings:
    """How a run is carried out, by the names of the flags. It may differ at each start, so `run.json` keeps none of it.

    on_bad_shard, num_threads, cache_dir, cache_gigabytes: as `open_stream` takes them. device, timeout_seconds: as
    `World.join` does. track: as `open_trackers` does. peak_tflops: of the device, where it is not a known one.
    """

    resume: bool
    on_bad_shard: str
    num_threads: int
    cache_dir: str | None
    cache_gigabytes: float
    device: str
    peak_tflops: float | None
    timeout_seconds: float
    track: str
    dry_run: bool
