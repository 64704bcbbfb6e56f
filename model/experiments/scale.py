"""The scale of a search: the size of the model, and the budgets of pre-training and fine-tuning."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from c4pipe.choices import check_choice, did_you_mean
from c4pipe.errors import UserError
from c4pipe.toml_tables import converted, parse_toml
from model.architectures.presets import PRESETS
from model.experiments.plan import Name, Positive, text_of_ours
from model.finetuning.variants import DEFAULT_RATES
from model.training.settings import RunningSettings, TrainingSettings

SCALES = ("mini", "tiny", "small", "base")
# The paper's number of examples in pre-training: 2^19 steps of 128. Its limits K of mixtures are relative to it.
PAPER_EXAMPLES = 2**26
# Flags that a search sets itself, so that a scale must not have them.
_OWN = frozenset({"seed", "resume", "dry_run", "track"})
_MORE = frozenset({"dropout_rate", "pack"})
RUNNING = frozenset(entry.name for entry in fields(RunningSettings)) - _OWN
_FLAGS = frozenset(entry.name for entry in fields(TrainingSettings)) - _OWN | RUNNING | _MORE

Flags = Mapping[str, Any]


@dataclass(frozen=True)
class Scale:
    """A scale.

    inputs_length: of pre-training examples, in tokens. replicas: how often a corpus is corrupted. seeds: runs per row;
    baseline_seeds: of the baseline. validation_examples: how many examples per task choose the checkpoint. pretrain,
    finetune: training flags. learning_rates: of fine-tuning, by method, unless a row has its own.
    """

    preset: Name
    inputs_length: Positive
    seeds: Positive
    baseline_seeds: Positive
    replicas: Positive = 1
    validation_examples: Positive = 1000
    pretrain: Flags = field(default_factory=dict)
    finetune: Flags = field(default_factory=dict)
    learning_rates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def rates(self, variant: str) -> tuple[float, ...]:
        """The learning rates of a fine-tuning method, or of `from_scratch`."""
        return tuple(self.learning_rates.get(variant, (DEFAULT_RATES[variant],)))

    def limit(self, paper_limit: float) -> int:
        """The limit of a mixture that has the same ratio to the examples of pre-training as the paper's.

        >>> Scale("t5_tiny", 128, 1, 1, pretrain={"steps": 4096, "batch_size": 128}).limit(2**19)
        4096
        """
        return max(1, round(paper_limit * self.examples_seen / PAPER_EXAMPLES))

    @property
    def examples_seen(self) -> int:
        """The number of examples of pre-training, over all epochs."""
        return int(self.pretrain["steps"]) * int(self.pretrain["batch_size"])


def open_scale(name: str, changes: Mapping[str, Any], where: str) -> Scale:
    """A scale by its name, with the changes of a plan. where: the plan's name, for errors.

    Raises: UserError if there is no such scale, or if a change is not possible.
    """
    check_choice("scale", name, SCALES)
    table = parse_toml(text_of_ours("scales.toml"), "scales.toml")[name]
    for key, value in changes.items():
        table[key] = {**table.get(key, {}), **value} if isinstance(value, dict) else value
    return check_scale(converted(table, Scale, f"{where}: scale"), where)


def check_scale(scale: Scale, where: str) -> Scale:
    """The scale, unchanged. Raises: UserError for an unknown preset, method or flag."""
    check_choice("preset", scale.preset, PRESETS)
    for method in scale.learning_rates:
        check_choice(f"method in {where}: learning_rates", method, DEFAULT_RATES)
    for part in (scale.pretrain, scale.finetune):
        for flag in part:
            if flag not in _FLAGS:
                raise UserError(f"{where}: scale: there is no training flag {flag!r}{did_you_mean(flag, _FLAGS)}")
    defaults = TrainingSettings()
    filled = {"steps": defaults.steps, "batch_size": defaults.batch_size}
    return replace(scale, pretrain={**filled, **scale.pretrain}, finetune={**filled, **scale.finetune})
