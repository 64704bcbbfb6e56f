"""What the optimizers share: state by parameter name, so that a checkpoint is a flat table of tensors."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

NUM_UPDATES = "num_updates"
"""Slot of the checkpoint that counts a parameter's updates."""

GROUP_ELEMENTS = 1 << 26
"""Elements that are updated together: 256 MB of float32, a few times over while it lasts."""


class NamedOptimizer(ABC):
    """An optimizer over named parameters.

    Every parameter counts its own updates: one that is frozen at first (gradual unfreezing) starts at its own step 1,
    so that the corrections for the first steps apply to it then.
    """

    def __init__(self, parameters: Iterable[tuple[str, nn.Parameter]], *, groups_everywhere: bool = False) -> None:
        """groups_everywhere: update matrices of one shape together on the CPU too, where it gains nothing."""
        self.parameters = dict(parameters)
        self.groups_everywhere = groups_everywhere
        self.num_updates = dict.fromkeys(self.parameters, 0)
        self.state: dict[str, dict[str, Tensor]] = {}

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
    def step(self, learning_rate: float) -> None:
        """Update every parameter that has a gradient; on a GPU, matrices of one shape together.

        A model has hundreds of matrices in a handful of shapes: one at a time, the host would be busy longer with
        launching kernels than a GPU with running them.
        """
        for names in self._groups():
            if len(names) == 1:
                self._step_one(names[0], learning_rate)
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

    def _step_one(self, name: str, learning_rate: float) -> None:
        parameter = self.parameters[name]
        assert parameter.grad is not None
        self.num_updates[name] += 1
        self.update(parameter, parameter.grad, self.slots_of(name), self.num_updates[name], learning_rate)

    def _step_together(self, names: list[str], learning_rate: float) -> None:
        """The update of some parameters of one shape, as one of a stack (n, ...)."""
        parameters: list[Tensor] = [self.parameters[name] for name in names]
        slots = [self.slots_of(name) for name in names]
        stacked = {slot: torch.stack([one[slot] for one in slots]) for slot in slots[0]}
        values = torch.stack(parameters)
        gradients = torch.stack([parameter.grad for parameter in parameters if parameter.grad is not None])
        for name in names:
            self.num_updates[name] += 1
        self.update(values, gradients, stacked, self.num_updates[names[0]], learning_rate, first=1)
        torch._foreach_copy_(parameters, list(values.unbind()))
        for slot, value in stacked.items():
            torch._foreach_copy_([one[slot] for one in slots], list(value.unbind()))

    def slots_of(self, name: str) -> dict[str, Tensor]:
        """A parameter's state, made at its first update."""
        if name not in self.state:
            self.state[name] = self.initial_state(self.parameters[name])
        return self.state[name]

    def zero_gradients(self) -> None:
        """Forget the gradients; their memory stays with DDP's buckets where there are any."""
        for parameter in self.parameters.values():
            parameter.grad = None

    def state_tensors(self) -> dict[str, Tensor]:
        """`PARAMETER/SLOT` -> tensor, the live ones; the number of updates comes as an int64 of no dimension."""
        tensors = {f"{name}/{slot}": value for name, slots in self.state.items() for slot, value in slots.items()}
        counts = {f"{name}/{NUM_UPDATES}": torch.tensor(self.num_updates[name]) for name in self.state}
        return {**tensors, **counts}

    @torch.no_grad()
    def load_state_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Take what `state_tensors` gave, onto each parameter's device.

        Raises: KeyError for a parameter that is not here, RuntimeError for a shape that does not fit.
        """
        self.state = {}
        for key, value in tensors.items():
            name, slot = key.rsplit("/", 1)
            parameter = self.parameters[name]
            if slot == NUM_UPDATES:
                self.num_updates[name] = int(value)
                continue
            slots = self.state.setdefault(name, self.initial_state(parameter))
            slots[slot].copy_(value)


def root_mean_square(tensor: Tensor, first: int = 0) -> Tensor:
    """RMS over the dimensions from `first` on, which stay with length 1 where there are others before them."""
    if first == 0:
        return torch.linalg.vector_norm(tensor) / max(tensor.numel(), 1) ** 0.5
    count = max(tensor.shape[first:].numel(), 1)
    return torch.linalg.vector_norm(tensor, dim=tuple(range(first, tensor.ndim)), keepdim=True) / count**0.5
