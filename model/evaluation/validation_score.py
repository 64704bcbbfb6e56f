"""The validation score by which fine-tuning chooses its best checkpoint."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.t5 import T5Model
from model.evaluation.scoring import Decoding, Gather, evaluate_sets
from model.evaluation.task_sets import TaskSet
from model.generation.watch import NOBODY, Watch

NAME = "validation_score"


class ValidationScore:
    """Computes `validation_score`: the mean of each task's metrics, averaged over tasks, in percent.

    With several tasks, also `validation_score/TASK`. Each rank decodes its share, and all ranks get the same figures.
    """

    def __init__(
        self,
        model: T5Model,
        vocabulary: Vocabulary,
        sets: Sequence[TaskSet],
        *,
        decoding: Decoding,
        autocast: Callable[[], AbstractContextManager],
        rank: int,
        world_size: int,
        gather: Gather,
    ) -> None:
        self._model, self._vocabulary, self._sets, self._decoding = model, vocabulary, sets, decoding
        self._autocast, self._rank, self._world_size, self._gather = autocast, rank, world_size, gather

    def __call__(self, step: int, is_last: bool, watch: Watch = NOBODY) -> dict[str, float]:
        """The metrics at a step."""
        del step, is_last
        with self._autocast():
            found = evaluate_sets(
                self._model,
                self._vocabulary,
                self._sets,
                self._decoding,
                rank=self._rank,
                world_size=self._world_size,
                gather=self._gather,
                watch=watch,
            )
        by_task = {scored.task_set.task.name: scored.mean for scored in found}
        metrics = {NAME: sum(by_task.values()) / len(by_task)}
        if len(by_task) > 1:
            metrics |= {f"{NAME}/{name}": value for name, value in by_task.items()}
        return metrics
