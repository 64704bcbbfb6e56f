"""Adafactor as T5 used it: factored second moments, no momentum, updates scaled by the parameter."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from model.training.named_optimizer import NamedOptimizer, root_mean_square

GROUP_ELEMENTS = 1 << 26
"""Elements that are updated together: 256 MB of float32, a few times over while it lasts."""


class Adafactor(NamedOptimizer):
    """Algorithms 4 and 5 of "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost" (arXiv 1804.04235).

    Second moments decay by 1 - t^-0.8, an update's RMS is clipped to 1, and the learning rate is relative: each
    update is scaled by the RMS of its parameter (at least 0.001). A matrix keeps the mean of its squared gradient by
    rows and by columns; anything else keeps it whole.
    """

    def __init__(
        self,
        parameters: Iterable[tuple[str, nn.Parameter]],
        *,
        decay_exponent: float = 0.8,
        clip_threshold: float = 1.0,
        epsilon: float = 1e-30,
        smallest_scale: float = 1e-3,
        weight_decay: float = 0.0,
        groups_everywhere: bool = False,
    ) -> None:
        """groups_everywhere: update matrices of one shape together on the CPU too, where it gains nothing."""
        super().__init__(parameters)
        self.groups_everywhere = groups_everywhere
        self.decay_exponent = decay_exponent
        self.clip_threshold = clip_threshold
        self.epsilon = epsilon
        self.smallest_scale = smallest_scale
        self.weight_decay = weight_decay

    def initial_state(self, parameter: Tensor) -> dict[str, Tensor]:
        if parameter.ndim < 2:
            return {"second_moment": torch.zeros_like(parameter, dtype=torch.float32)}
        *outer, rows, columns = parameter.shape
        return {
            "row_moment": parameter.new_zeros([*outer, rows], dtype=torch.float32),
            "column_moment": parameter.new_zeros([*outer, columns], dtype=torch.float32),
        }

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Update every parameter that has a gradient; on a GPU, matrices of one shape together.

        A model has hundreds of matrices in a handful of shapes: one at a time, the host would be busy longer with
        launching kernels than a GPU with running them.
        """
        for names in self._groups():
            if len(names) == 1:
                self.step_one(names[0], learning_rate)
            else:
                self._step_together(names, learning_rate)

    def _groups(self) -> list[list[str]]:
        """Names of parameters to update at once: equal shape and count of updates, up to `GROUP_ELEMENTS`."""
        groups: list[list[str]] = []
        open_group: dict[tuple, list[str]] = {}
        for name, parameter in self.parameters.items():
            if parameter.grad is None or not parameter.requires_grad:
                continue
            key = (parameter.shape, self.num_updates[name])
            group = open_group.get(key)
            together = parameter.is_cuda or self.groups_everywhere
            if not together or group is None or (len(group) + 1) * parameter.numel() > GROUP_ELEMENTS:
                open_group[key] = group = []
                groups.append(group)
            group.append(name)
        return groups

    def _step_together(self, names: list[str], learning_rate: float) -> None:
        """The update of some parameters of one shape, as one of a stack (n, ...)."""
        parameters: list[Tensor] = [self.parameters[name] for name in names]
        slots = [self.slots_of(name) for name in names]
        stacked = {slot: torch.stack([one[slot] for one in slots]) for slot in slots[0]}
        values = torch.stack(parameters)
        gradients = torch.stack([parameter.grad for parameter in parameters if parameter.grad is not None])
        for name in names:
            self.num_updates[name] += 1
        self._update(values, gradients, stacked, self.num_updates[names[0]], learning_rate, first=1)
        torch._foreach_copy_(parameters, list(values.unbind()))
        for slot, value in stacked.items():
            torch._foreach_copy_([one[slot] for one in slots], list(value.unbind()))

    def update(
        self, parameter: Tensor, gradient: Tensor, slots: dict[str, Tensor], num_updates: int, learning_rate: float
    ) -> None:
        self._update(parameter, gradient, slots, num_updates, learning_rate, first=0)

    def _update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: dict[str, Tensor],
        num_updates: int,
        learning_rate: float,
        *,
        first: int,
    ) -> None:
        """Update in place; the parameter's own dimensions begin at `first`, those before count parameters."""
        remembered = 1.0 - num_updates**-self.decay_exponent
        squared = gradient.square().add_(self.epsilon)
        if parameter.ndim - first < 2:
            moment = slots["second_moment"].lerp_(squared, 1.0 - remembered)
            update = gradient.mul_(moment.rsqrt())
        else:
            rows = slots["row_moment"].lerp_(squared.mean(dim=-1), 1.0 - remembered)
            columns = slots["column_moment"].lerp_(squared.mean(dim=-2), 1.0 - remembered)
            # V = rows x columns / mean(rows); the update is G / sqrt(V), without making V.
            row_factor = (rows / rows.mean(dim=-1, keepdim=True)).rsqrt_().unsqueeze(-1)
            update = gradient.mul_(row_factor).mul_(columns.rsqrt().unsqueeze(-2))
        clipping = (root_mean_square(update, first) / self.clip_threshold).clamp_(min=1.0)
        scale = root_mean_square(parameter, first).clamp_(min=self.smallest_scale)
        if self.weight_decay:
            parameter.mul_(1.0 - self.weight_decay * learning_rate)
        parameter.sub_(update.mul_(scale.mul_(learning_rate).div_(clipping)))
