"""The optimizers by name, and what each expects where no flag says otherwise."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import nn

from c4pipe.errors import UserError
from model.training.adafactor import Adafactor
from model.training.adamw import AdamW
from model.training.named_optimizer import NamedOptimizer

Parameters = Iterable[tuple[str, nn.Parameter]]


@dataclass(frozen=True)
class Recipe:
    """An optimizer with the values of the recipe that it is known by.

    max_gradient_norm: the global norm that gradients are clipped to; 0 leaves them alone.
    """

    build: Callable[[Parameters, float], NamedOptimizer]
    learning_rate: float
    schedule: str
    warmup_steps: int
    max_gradient_norm: float


OPTIMIZERS: dict[str, Recipe] = {
    # T5: no clipping of the global norm, Adafactor clips each update.
    "adafactor": Recipe(
        lambda parameters, weight_decay: Adafactor(parameters, weight_decay=weight_decay),
        learning_rate=0.01,
        schedule="inverse_square_root",
        warmup_steps=10_000,
        max_gradient_norm=0.0,
    ),
    # nanoT5's second recipe (its README: NLL 1.953 against Adafactor's 1.995 after 2^16 steps of 128).
    "adamw": Recipe(
        lambda parameters, weight_decay: AdamW(parameters, weight_decay=weight_decay),
        learning_rate=0.02,
        schedule="cosine",
        warmup_steps=10_000,
        max_gradient_norm=1.0,
    ),
}


def recipe_by_name(name: str) -> Recipe:
    """Raises: UserError for an optimizer that does not exist."""
    if name not in OPTIMIZERS:
        raise UserError(f"there is no optimizer {name!r}; choose one of {', '.join(OPTIMIZERS)}")
    return OPTIMIZERS[name]
