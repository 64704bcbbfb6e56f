"""What the optimizers share: state by parameter name, so that a checkpoint is a flat table of tensors."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

NUM_UPDATES = "num_updates"
"""Slot of the checkpoint that counts a parameter's updates."""

GROUP_ELEMENTS = 1 << 26
"""Elements that are updated together: 256 MB of float32, a few times over while it lasts."""


class NamedOptimizer(torch.optim.Optimizer, ABC):
    """One of PyTorch's optimizers, over named parameters, with `lr` of its group as the learning rate.

    Every parameter counts its own updates: one that is frozen at first (gradual unfreezing) starts at its own step 1,
    so that the corrections for the first steps apply to it then.
    """

    def __init__(
        self,
        parameters: Iterable[tuple[str, nn.Parameter]],
        *,
        lr: float = 0.0,
        weight_decay: float = 0.0,
        groups_everywhere: bool = False,
    ) -> None:
        """
        lr: the learning rate, until another is set in the group. weight_decay: decoupled, per step at a rate of 1.
        groups_everywhere: update matrices of one shape together on the CPU too, where it gains nothing.
        """
        self.named_parameters = dict(parameters)
        super().__init__(self.named_parameters.items(), {"lr": lr})
        self.weight_decay = weight_decay
        self.groups_everywhere = groups_everywhere

    @abstractmethod
    def initial_state(self, parameter: Tensor) -> dict[str, Tensor]:
        """Slot name -> tensor before the first update. Shapes must follow from the parameter's alone."""

    @abstractmethod
    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: dict[str, Tensor],
        num_updates: int,
        learning_rate: float,
        first: int = 0,
    ) -> None:
        """One update in place. `num_updates` counts this one; the gradient may be overwritten.

        The parameter's own dimensions begin at `first`; those before it count parameters, and so it is with the slots.
        """

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient; on a GPU, matrices of one shape together.

        A model has hundreds of matrices in a handful of shapes: one at a time, the host would be busy longer with
        launching kernels than a GPU with running them.
        """
        assert closure is None, "no update rule here evaluates the loss again"
        for group in self._groups():
            if len(group) == 1:
                self._step_one(group[0])
            else:
                self._step_together(group)

    def _groups(self) -> list[list[nn.Parameter]]:
        """Parameters to update at once: of equal shape and count of updates, up to `GROUP_ELEMENTS`."""
        groups: list[list[nn.Parameter]] = []
        open_group: dict[tuple, list[nn.Parameter]] = {}
        for parameter in self.named_parameters.values():
            if parameter.grad is None or not parameter.requires_grad:
                continue
            key = (parameter.shape, self.num_updates_of(parameter))
            group = open_group.get(key)
            together = parameter.is_cuda or self.groups_everywhere
            if not together or group is None or (len(group) + 1) * parameter.numel() > GROUP_ELEMENTS:
                open_group[key] = group = []
                groups.append(group)
            group.append(parameter)
        return groups

    def num_updates_of(self, parameter: nn.Parameter) -> int:
        """How often a parameter was updated."""
        return self.state[parameter][NUM_UPDATES] if parameter in self.state else 0

    @property
    def _rate(self) -> float:
        return self.param_groups[0]["lr"]

    def _step_one(self, parameter: nn.Parameter) -> None:
        assert parameter.grad is not None
        state = self._state_of(parameter)
        state[NUM_UPDATES] += 1
        self.update(parameter, parameter.grad, state, state[NUM_UPDATES], self._rate)

    def _step_together(self, parameters: list[nn.Parameter]) -> None:
        """The update of some parameters of one shape, as one of a stack (n, ...)."""
        states = [self._state_of(parameter) for parameter in parameters]
        stacked = {slot: torch.stack([state[slot] for state in states]) for slot in states[0] if slot != NUM_UPDATES}
        values = torch.stack([parameter.detach() for parameter in parameters])
        gradients = torch.stack([parameter.grad for parameter in parameters if parameter.grad is not None])
        for state in states:
            state[NUM_UPDATES] += 1
        self.update(values, gradients, stacked, states[0][NUM_UPDATES], self._rate, first=1)
        targets: list[Tensor] = list(parameters)
        torch._foreach_copy_(targets, list(values.unbind()))
        for slot, value in stacked.items():
            torch._foreach_copy_([state[slot] for state in states], list(value.unbind()))

    def _state_of(self, parameter: nn.Parameter) -> dict[str, Any]:
        """A parameter's slots and its number of updates, made at its first update."""
        if parameter not in self.state:
            self.state[parameter] = {**self.initial_state(parameter), NUM_UPDATES: 0}
        return self.state[parameter]

    def state_tensors(self) -> dict[str, Tensor]:
        """`PARAMETER/SLOT` -> tensor, the live ones; the number of updates comes as an int64 of no dimension."""
        tensors, counts = {}, {}
        for name, parameter in self.named_parameters.items():
            for slot, value in self.state.get(parameter, {}).items():
                if slot == NUM_UPDATES:
                    counts[f"{name}/{slot}"] = torch.tensor(value)
                else:
                    tensors[f"{name}/{slot}"] = value
        return {**tensors, **counts}

    @torch.no_grad()
    def load_state_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take what `state_tensors` gave, onto each parameter's device.

        Raises: KeyError for a parameter that is not here, RuntimeError for a shape that does not fit.
        """
        self.state.clear()
        for key, value in tensors.items():
            name, slot = key.rsplit("/", 1)
            state = self._state_of(self.named_parameters[name])
            if slot == NUM_UPDATES:
                state[slot] = int(value)
            else:
                state[slot].copy_(value)


def root_mean_square(tensor: Tensor, first: int = 0) -> Tensor:
    """RMS over the dimensions from `first` on, which stay with length 1 where there are others before them."""
    if first == 0:
        return torch.linalg.vector_norm(tensor) / max(tensor.numel(), 1) ** 0.5
    count = max(tensor.shape[first:].numel(), 1)
    return torch.linalg.vector_norm(tensor, dim=tuple(range(first, tensor.ndim)), keepdim=True) / count**0.5
