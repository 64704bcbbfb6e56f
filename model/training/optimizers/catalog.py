"""The optimizers by name, and what each expects where no flag says otherwise."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from c4pipe.choices import choose
from model.training.optimizers.adafactor import Adafactor
from model.training.optimizers.adamw import AdamW
from model.training.optimizers.named_optimizer import NamedOptimizer

Parameters = Iterable[tuple[str, nn.Parameter]]


@dataclass(frozen=True)
class Recipe:
    """An optimizer with the values of the recipe that it is known by.

    max_gradient_norm: the global norm that gradients are clipped to; 0 leaves them alone.
    """

    kind: type[NamedOptimizer]
    learning_rate: float
    schedule: str
    warmup_steps: int
    max_gradient_norm: float

    def build(self, parameters: Parameters, weight_decay: float) -> NamedOptimizer:
        """The optimizer of a model."""
        return self.kind(parameters, weight_decay=weight_decay)

    def state_elements(self, shape: tuple[int, ...]) -> int:
        """How many numbers the optimizer keeps for a parameter of a shape."""
        parameter = nn.Parameter(torch.empty(shape, device="meta"))
        state = self.kind([("parameter", parameter)]).initial_state(parameter)
        return sum(slot.numel() for slot in state.values())


OPTIMIZERS: dict[str, Recipe] = {
    # T5: no clipping of the global norm, Adafactor clips each update.
    "adafactor": Recipe(
        Adafactor,
        learning_rate=0.01,
        schedule="inverse_square_root",
        warmup_steps=10_000,
        max_gradient_norm=0.0,
    ),
    # nanoT5's second recipe (its README: NLL 1.953 against Adafactor's 1.995 after 2^16 steps of 128).
    "adamw": Recipe(
        AdamW,
        learning_rate=0.02,
        schedule="cosine",
        warmup_steps=10_000,
        max_gradient_norm=1.0,
    ),
}


def recipe_by_name(name: str) -> Recipe:
    """Raises: UserError for an optimizer that does not exist."""
    return choose("optimizer", name, OPTIMIZERS)
