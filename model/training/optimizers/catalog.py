"""The optimizers by name, with the default settings of each."""

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
    """An optimizer with the settings of a published recipe.

    load: imports the optimizer's class, and torch with it. max_gradient_norm: the global norm to which gradients are
    clipped; 0: no clipping.
    """

    load: Callable[[], type[NamedOptimizer]]
    learning_rate: float
    schedule: str
    warmup_steps: int
    max_gradient_norm: float

    @property
    def kind(self) -> type[NamedOptimizer]:
        """The optimizer's class."""
        return self.load()

    def build(self, parameters: Iterable[tuple[str, nn.Parameter]], weight_decay: float) -> NamedOptimizer:
        """The optimizer for the parameters of a model."""
        return self.kind(parameters, weight_decay=weight_decay)

    def state_elements(self, shape: tuple[int, ...]) -> int:
        """How many values the optimizer keeps for a parameter of a shape."""
        import torch

        parameter = torch.nn.Parameter(torch.empty(shape, device="meta"))
        state = self.kind([("parameter", parameter)]).initial_state(parameter)
        return sum(slot.numel() for slot in state.values())


OPTIMIZERS: dict[str, Recipe] = {
    # T5's recipe: the global norm is not clipped, because Adafactor clips each update.
    "adafactor": Recipe(
        _adafactor,
        learning_rate=0.01,
        schedule="inverse_square_root",
        warmup_steps=10_000,
        max_gradient_norm=0.0,
    ),
    # nanoT5's second recipe (its README: NLL 1.953, instead of 1.995 with Adafactor, after 2^16 steps of 128 examples).
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
