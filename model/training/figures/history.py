"""The figures of recent steps, kept on the device until they are needed."""

from dataclasses import dataclass

import torch
from torch import Tensor

from model.training.computation import NUM_SUMS
from model.training.ranks.world import World


@dataclass(frozen=True)
class StepFigures:
    """The figures of a step over all ranks.

    loss: mean cross entropy per target token, without z-loss. accuracy: share of target tokens that are predicted
    correctly. gradient_norm: global norm before clipping.
    """

    step: int
    loss: float
    z_loss: float
    accuracy: float
    target_tokens: int
    gradient_norm: float


class History:
    """Collects a row per step without waiting for the device; `take` fetches all rows with a single wait."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rows: list[Tensor] = []
        self._steps: list[int] = []

    def add(self, step: int, sums: Tensor, gradient_norm: Tensor) -> None:
        """Add a step. sums: of this rank, see `Computation.accumulate`. gradient_norm: over all ranks."""
        self._rows.append(torch.cat([sums, gradient_norm.detach().to(torch.float64).reshape(1)]))
        self._steps.append(step)

    def take(self) -> list[StepFigures]:
        """The steps since the last call, summed over the ranks. All ranks must call it together."""
        if not self._rows:
            return []
        rows = torch.stack(self._rows)
        self._world.sum_(rows)
        rows[:, NUM_SUMS] /= self._world.size
        figures = []
        for step, (loss, z_loss, tokens, correct, norm) in zip(self._steps, rows.tolist(), strict=True):
            counted = max(tokens, 1.0)
            figures.append(
                StepFigures(step, (loss - z_loss) / counted, z_loss / counted, correct / counted, int(tokens), norm)
            )
        self._rows.clear()
        self._steps.clear()
        return figures
