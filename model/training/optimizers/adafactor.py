"""Adafactor as in T5: factored second moments, no momentum, updates scaled by the size of the parameter."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from model.training.optimizers.extent import Extent, zeros
from model.training.optimizers.named_optimizer import NamedOptimizer


class Adafactor(NamedOptimizer):
    """Algorithms 4 and 5 of "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost" (arXiv 1804.04235).

    Second moments decay with 1 - t^-0.8, the RMS of an update is clipped to 1, and the learning rate is relative: each
    update is scaled by the RMS of its parameter (at least 0.001). For a matrix, only the means of the squared gradient
    over rows and over columns are kept; for other parameters, all of it.
    """

    def __init__(
        self,
        parameters: Iterable[tuple[str, nn.Parameter]],
        *,
        decay_exponent: float = 0.8,
        clip_threshold: float = 1.0,
        epsilon: float = 1e-30,
        smallest_scale: float = 1e-3,
        **common: Any,
    ) -> None:
        """common: see `NamedOptimizer`."""
        super().__init__(parameters, **common)
        self.decay_exponent = decay_exponent
        self.clip_threshold = clip_threshold
        self.epsilon = epsilon
        self.smallest_scale = smallest_scale

    def initial_state(self, parameter: Tensor) -> dict[str, Tensor]:
        if parameter.ndim < 2:
            return {"second_moment": zeros(parameter, parameter.shape)}
        *outer, rows, columns = parameter.shape
        return {
            "row_moment": zeros(parameter, [*outer, rows]),
            "column_moment": zeros(parameter, [*outer, columns], by_row=False),
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
        decay = 1.0 - num_updates**-self.decay_exponent
        squared = gradient.square().add_(self.epsilon)
        if parameter.ndim - extent.first < 2:
            moment = slots["second_moment"].lerp_(squared, 1.0 - decay)
            update = gradient.mul_(moment.rsqrt())
        else:
            rows = slots["row_moment"].lerp_(squared.mean(dim=-1), 1.0 - decay)
            columns = slots["column_moment"].lerp_(extent.mean_of_rows(squared, -2), 1.0 - decay)
            # V = rows x columns / mean(rows). The update is G / sqrt(V), computed without V.
            row_factor = (rows / extent.mean_of_rows(rows, -1, keepdim=True)).rsqrt_().unsqueeze(-1)
            update = gradient.mul_(row_factor).mul_(columns.rsqrt().unsqueeze(-2))
        clipping = (extent.root_mean_square(update) / self.clip_threshold).clamp_(min=1.0)
        scale = extent.root_mean_square(parameter).clamp_(min=self.smallest_scale)
        if self.weight_decay:
            parameter.mul_(1.0 - self.weight_decay * learning_rate)
        parameter.sub_(update.mul_(scale.mul_(learning_rate).div_(clipping)))
