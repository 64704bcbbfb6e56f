"""The base class of the optimizers. State is by parameter name, so that a checkpoint is a flat table of tensors."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from model.architectures.parts import fill, part_of
from model.training.optimizers.extent import Extent, extent_of

NUM_UPDATES = "num_updates"
"""Name of the slot that counts the updates of a parameter."""

GROUP_ELEMENTS = 1 << 26
"""The most elements that are updated together: 256 MB of float32, of which an update needs several copies."""


class NamedOptimizer(torch.optim.Optimizer, ABC):
    """A PyTorch optimizer over named parameters. The learning rate is the `lr` of its group.

    Updates are counted per parameter. A parameter that is frozen at first (gradual unfreezing) therefore starts with
    its own step 1, to which the corrections for the first steps apply.
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
        lr: the learning rate, until it is changed in the group. weight_decay: decoupled, per step at a learning rate
        of 1. groups_everywhere: update matrices of equal shape together on the CPU too, where it is not faster.
        """
        self.named_parameters = dict(parameters)
        super().__init__(self.named_parameters.items(), {"lr": lr})
        self.weight_decay = weight_decay
        self.groups_everywhere = groups_everywhere

    @abstractmethod
    def initial_state(self, parameter: Tensor) -> dict[str, Tensor]:
        """Slot name -> tensor before the first update. The shapes must depend only on the shape of the parameter."""

    @abstractmethod
    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: dict[str, Tensor],
        num_updates: int,
        learning_rate: float,
        extent: Extent,
    ) -> None:
        """Update a parameter in place, or a stack of parameters. The gradient may be overwritten.

        Of a sharded parameter, gradient or slot, the rows of this process are given. extent: what the tensors are a
        part of. num_updates: the number of updates including this one.
        """

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient. On a GPU, matrices of equal shape are updated together.

        A model has hundreds of matrices with only a few shapes. If they were updated separately, the host would need
        longer to launch the kernels than the GPU to run them. Sharded parameters are updated together too, so that
        their statistics need few reductions over the processes.
        """
        assert closure is None, "no update rule here evaluates the loss again"
        for group in self._groups():
            if len(group) == 1:
                self._step_alone(group[0])
            else:
                self._step_together(group)

    def _groups(self) -> list[list[nn.Parameter]]:
        """Parameters to update together: of equal shape and number of updates, up to `GROUP_ELEMENTS` elements."""
        groups: list[list[nn.Parameter]] = []
        open_group: dict[tuple, list[nn.Parameter]] = {}
        for parameter in self.named_parameters.values():
            if parameter.grad is None or not parameter.requires_grad:
                continue
            key = (parameter.shape, self.num_updates_of(parameter))
            group = open_group.get(key)
            num_parts = part_of(parameter).num_parts
            together = parameter.is_cuda or self.groups_everywhere or num_parts > 1
            # The same on all ranks, so that all of them reduce the same tensors.
            elements = parameter.numel() // num_parts
            if not together or group is None or (len(group) + 1) * elements > GROUP_ELEMENTS:
                open_group[key] = group = []
                groups.append(group)
            group.append(parameter)
        return groups

    def num_updates_of(self, parameter: nn.Parameter) -> int:
        """The number of updates of a parameter so far."""
        return self.state[parameter][NUM_UPDATES] if parameter in self.state else 0

    @property
    def _rate(self) -> float:
        return self.param_groups[0]["lr"]

    def _step_alone(self, parameter: nn.Parameter) -> None:
        assert parameter.grad is not None
        state = self._state_of(parameter)
        state[NUM_UPDATES] += 1
        slots = {slot: part_of(value).rows for slot, value in state.items() if slot != NUM_UPDATES}
        rows, gradient = part_of(parameter).rows, part_of(parameter.grad).rows
        self.update(rows, gradient, slots, state[NUM_UPDATES], self._rate, extent_of(parameter))

    def _step_together(self, parameters: list[nn.Parameter]) -> None:
        """Update parameters of equal shape together, as a stack (n, ...)."""
        states = [self._state_of(parameter) for parameter in parameters]
        slots = {slot: [part_of(state[slot]).rows for state in states] for slot in states[0] if slot != NUM_UPDATES}
        stacked = {slot: torch.stack(parts) for slot, parts in slots.items()}
        targets = [part_of(parameter).rows for parameter in parameters]
        values = torch.stack(targets)
        gradients = torch.stack(
            [part_of(parameter.grad).rows for parameter in parameters if parameter.grad is not None]
        )
        for state in states:
            state[NUM_UPDATES] += 1
        extent = extent_of(parameters[0], first=1)
        self.update(values, gradients, stacked, states[0][NUM_UPDATES], self._rate, extent)
        torch._foreach_copy_(targets, list(values.unbind()))
        for slot, value in stacked.items():
            torch._foreach_copy_(slots[slot], list(value.unbind()))

    def _state_of(self, parameter: nn.Parameter) -> dict[str, Any]:
        """The slots and the number of updates of a parameter, which are created at its first update."""
        if parameter not in self.state:
            self.state[parameter] = {**self.initial_state(parameter), NUM_UPDATES: 0}
        return self.state[parameter]

    def state_tensors(self) -> dict[str, Tensor]:
        """`PARAMETER/SLOT` -> tensor (not a copy). The number of updates is a 0-dimensional int64 tensor."""
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
        """Load the result of `state_tensors` to the devices of the parameters.

        Raises: KeyError for an unknown parameter, ValueError for a wrong shape.
        """
        self.state.clear()
        for key in tensors:
            name, slot = key.rsplit("/", 1)
            state = self._state_of(self.named_parameters[name])
            if slot == NUM_UPDATES:
                state[slot] = int(tensors[key])
            else:
                fill(state[slot], tensors, key)
