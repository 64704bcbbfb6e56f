"""Validation during pre-training: cross entropy and token accuracy, and two figures to compare them with."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from model.data.batches import Batch, signed
from model.data.examples import ValidationSet
from model.data.packing import lengths
from model.data.trimming import trim
from model.generation.watch import NOBODY, Watch
from model.training.computation import NUM_SUMS, Computation


class Validation:
    """Computes `validation_loss` (nats per target token, without z-loss) and `validation_accuracy` over all sets.

    With several sets, also `validation_loss/NAME` for each. The batches of `batch_size` examples are dealt out to the
    ranks, so they do not depend on the number of ranks.
    """

    def __init__(self, sets: Sequence[ValidationSet], computation: Computation, *, batch_size: int) -> None:
        self.sets = sets
        self._computation = computation
        self._batch_size = batch_size

    def __call__(self, step: int, is_last: bool, watch: Watch = NOBODY) -> dict[str, float]:
        """The metrics at a step. Step 0 and the last step also have the loss with shuffled inputs."""
        is_shuffled_too = is_last or step == 0
        watch.begin(sum(map(len, self.sets)) * (1 + is_shuffled_too) // self._computation.world.size)
        sums = [self._sums(examples, watch, shuffled=False) for examples in self.sets]
        total = [sum(column) for column in zip(*sums, strict=True)]
        metrics = {"validation_loss": _mean(total[0], total[2]), "validation_accuracy": _mean(total[3], total[2])}
        if len(self.sets) > 1:
            metrics |= {
                f"validation_loss/{examples.name}": _mean(loss, tokens)
                for examples, (loss, _, tokens, _) in zip(self.sets, sums, strict=True)
            }
        if is_shuffled_too:
            shuffled = [self._sums(examples, watch, shuffled=True) for examples in self.sets]
            loss, _, tokens, _ = (sum(column) for column in zip(*shuffled, strict=True))
            metrics["validation_loss_shuffled_inputs"] = _mean(loss, tokens)
        return metrics

    def _sums(self, examples: ValidationSet, watch: Watch, *, shuffled: bool) -> list[float]:
        """`Computation.loss_sums`, summed over a set.

        shuffled: combine targets with the inputs of the example before. This raises the loss of a model that uses its
        inputs.
        """
        world = self._computation.world
        sums = torch.zeros(NUM_SUMS, dtype=torch.float64, device=world.device)
        inputs = np.roll(examples.inputs, 1, axis=0) if shuffled else examples.inputs
        # Sorted by length and trimmed, so that batches have little padding.
        order = np.argsort(lengths(inputs), kind="stable")
        starts = range(0, len(examples), self._batch_size)
        for start in starts[world.rank :: world.size]:
            if watch.stopping():
                break
            part = order[start : start + self._batch_size]
            chosen = trim(inputs[part])
            batch = Batch(
                signed(chosen),
                signed(trim(examples.targets[part])),
                torch.arange(len(part)),
                inputs_are_full=bool((chosen != 0).all()),
            )
            sums += self._computation.loss_sums(batch.to(world.device))
            watch.advance(len(batch))
        return world.sum_(sums).tolist()


def _mean(total: float, count: float) -> float:
    """The mean; NaN if nothing was counted, because the evaluation was broken off."""
    return total / count if count else float("nan")


def order_0_entropy(targets: np.ndarray) -> float:
    """Entropy of the token frequencies in the targets, in nats per token: the lowest loss without any context.

    >>> round(order_0_entropy(np.array([[5, 6, 0], [5, 6, 0]])), 4)
    0.6931
    """
    _, counts = np.unique(targets[targets != 0], return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def yardsticks(sets: Sequence[ValidationSet]) -> Mapping[str, Any]:
    """Figures to compare a validation loss with, for `run.json`."""
    targets = np.concatenate([examples.targets.reshape(-1) for examples in sets])
    return {
        "examples": sum(map(len, sets)),
        "target_tokens": int(np.count_nonzero(targets)),
        "order_0_entropy": order_0_entropy(targets),
    }
