"""The optimizers by name, and what each expects where no flag says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from c4pipe.choices import choose

if TYPE_CHECKING:
    from torch import nn

    from model.training.optimizers.named_optimizer import NamedOptimizer


def _adafactor() -> type[NamedOptimizer]:
    from model.training.optimizers.adafactor import Adafactor

    return Adafactor


def _adamw() -> type[NamedOptimizer]:
    from model.training.optimizers.adamw import AdamW

    return AdamW


@dataclass(frozen=True)
class Recipe:
    """An optimizer with the values of the recipe that it is known by.

    load: imports its class, with torch. max_gradient_norm: the global norm that gradients are clipped to; 0 leaves
    them alone.
    """

    load: Callable[[], type[NamedOptimizer]]
    learning_rate: float
    schedule: str
    warmup_steps: int
    max_gradient_norm: float

    @property
    def kind(self) -> type[NamedOptimizer]:
        """Its class."""
        return self.load()

    def build(self, parameters: Iterable[tuple[str, nn.Parameter]], weight_decay: float) -> NamedOptimizer:
        """The optimizer of a model."""
        return self.kind(parameters, weight_decay=weight_decay)

    def state_elements(self, shape: tuple[int, ...]) -> int:
        """How many numbers the optimizer keeps for a parameter of a shape."""
        import torch

        parameter = torch.nn.Parameter(torch.empty(shape, device="meta"))
        state = self.kind([("parameter", parameter)]).initial_state(parameter)
        return sum(slot.numel() for slot in state.values())


OPTIMIZERS: dict[str, Recipe] = {
    # T5: no clipping of the global norm, Adafactor clips each update.
    "adafactor": Recipe(
        _adafactor,
        learning_rate=0.01,
        schedule="inverse_square_root",
        warmup_steps=10_000,
        max_gradient_norm=0.0,
    ),
    # nanoT5's second recipe (its README: NLL 1.953 against Adafactor's 1.995 after 2^16 steps of 128).
    "adamw": Recipe(
        _adamw,
        learning_rate=0.02,
        schedule="cosine",
        warmup_steps=10_000,
        max_gradient_norm=1.0,
    ),
}


def recipe_by_name(name: str) -> Recipe:
    """Raises: UserError for an optimizer that does not exist."""
    return choose("optimizer", name, OPTIMIZERS)
