"""AdamW with updates scaled by the RMS of the parameter, as in nanoT5."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from model.training.optimizers.extent import Extent, zeros
from model.training.optimizers.named_optimizer import NamedOptimizer


class AdamW(NamedOptimizer):
    """Adam with decoupled weight decay (arXiv 1711.05101) and Adafactor's relative learning rate.

    T5's embedding starts with a standard deviation of 1 and its attention with about a hundredth of that. An absolute
    learning rate cannot suit both, so each update is multiplied by max(0.001, RMS(parameter)) (nanoT5 `AdamWScale`).
    """

    def __init__(
        self,
        parameters: Iterable[tuple[str, nn.Parameter]],
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-6,
        smallest_scale: float = 1e-3,
        **common: Any,
    ) -> None:
        """common: see `NamedOptimizer`."""
        super().__init__(parameters, **common)
        self.betas = betas
        self.epsilon = epsilon
        self.smallest_scale = smallest_scale

    def initial_state(self, parameter: Tensor) -> dict[str, Tensor]:
        return {
            "first_moment": zeros(parameter, parameter.shape),
            "second_moment": zeros(parameter, parameter.shape),
        }

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: dict[str, Tensor],
        num_updates: int,
        learning_rate: float,
        extent: Extent,
    ) -> None:
        beta_1, beta_2 = self.betas
        mean = slots["first_moment"].lerp_(gradient, 1.0 - beta_1)
        square = slots["second_moment"].mul_(beta_2).addcmul_(gradient, gradient, value=1.0 - beta_2)
        corrected_rate = learning_rate * (1.0 - beta_2**num_updates) ** 0.5 / (1.0 - beta_1**num_updates)
        scale = extent.root_mean_square(parameter).clamp_(min=self.smallest_scale).mul_(corrected_rate)
        update = torch.div(mean, square.sqrt().add_(self.epsilon)).mul_(scale)
        if self.weight_decay:
            parameter.mul_(1.0 - self.weight_decay * learning_rate)
        parameter.sub_(update)
