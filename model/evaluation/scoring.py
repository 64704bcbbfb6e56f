"""Decoding sets of tasks and scoring what comes out."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from c4pipe.tasks import metrics
from c4pipe.tasks.catalog import benchmark_averages
from c4pipe.tasks.scores import Score
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.t5 import T5Model
from model.evaluation.task_sets import TaskSet
from model.generation.generate import generate_ids
from model.generation.watch import NOBODY, Watch

# Gives every rank's list to all ranks, in the order of ranks.
Gather = Callable[[list[str]], list[list[str]]]


@dataclass(frozen=True)
class Decoding:
    """How outputs are made. num_beams: 1 is greedy. max_length: instead of each task's own."""

    batch_size: int = 64
    num_beams: int = 1
    length_penalty: float = 0.6
    max_length: int | None = None


@dataclass(frozen=True)
class TaskScores:
    """What a task's outputs were worth, against what the vocabulary can write of the references.

    invalid: outputs that are no label, of a task with labels.
    """

    task_set: TaskSet
    outputs: Sequence[str]
    scores: dict[str, Score]
    invalid: int

    @property
    def values(self) -> dict[str, float]:
        return {name: score.value for name, score in self.scores.items()}

    @cached_property
    def literal_values(self) -> dict[str, float]:
        """The scores against the references as they are; empty where the vocabulary can write them all."""
        one = self.task_set
        if not one.num_unwritable:
            return {}
        found = metrics.score(one.task, one.references, self.outputs)
        return {name: score.value for name, score in found.items()}

    @property
    def mean(self) -> float:
        """The mean of the task's metrics, which is what it counts with; 0 of a set without labels."""
        if not self.scores:
            return 0.0
        return sum(self.values.values()) / len(self.values)


def evaluate_sets(
    model: T5Model,
    vocabulary: Vocabulary,
    sets: Sequence[TaskSet],
    decoding: Decoding,
    *,
    rank: int = 0,
    world_size: int = 1,
    gather: Gather = lambda own: [own],
    watch: Watch = NOBODY,
) -> list[TaskScores]:
    """Decode and score every set. With several ranks each decodes its share, and all get all scores."""
    watch.begin(sum(len(range(rank, len(one), world_size)) for one in sets))
    return [
        score_outputs(one, _decode(model, vocabulary, one, decoding, rank, world_size, gather, watch)) for one in sets
    ]


def _decode(
    model: T5Model,
    vocabulary: Vocabulary,
    task_set: TaskSet,
    decoding: Decoding,
    rank: int,
    world_size: int,
    gather: Gather,
    watch: Watch,
) -> list[str]:
    # By length, dealt out in turn: ranks get like work.
    order = sorted(range(len(task_set)), key=lambda index: (len(task_set.inputs[index]), index))
    own = order[rank::world_size]
    found = generate_ids(
        model,
        [task_set.inputs[index].tolist() for index in own],
        max_length=decoding.max_length or task_set.max_length,
        num_beams=decoding.num_beams,
        length_penalty=decoding.length_penalty,
        batch_size=decoding.batch_size,
        watch=watch,
    )
    outputs = [""] * len(task_set)
    for other, texts in enumerate(gather([vocabulary.decode(ids) for ids in found])):
        for index, text in zip(order[other::world_size], texts, strict=True):
            outputs[index] = text
    return outputs


def score_outputs(task_set: TaskSet, outputs: Sequence[str]) -> TaskScores:
    """The scores of a set's outputs, against what the vocabulary can write of the references."""
    labels = set(map(task_set.write, task_set.task.labels))
    invalid = sum(output not in labels for output in outputs) if labels else 0
    if task_set.keys is not None:
        return TaskScores(task_set, outputs, {}, invalid)
    scores = metrics.score(task_set.task, task_set.references, outputs, task_set.write)
    return TaskScores(task_set, outputs, scores, invalid)


def majority(task_set: TaskSet) -> dict[str, float]:
    """What always giving the commonest right answer would score, for tasks with labels: the least to beat."""
    if not task_set.task.labels:
        return {}
    commonest = Counter(given[0] for given in task_set.references).most_common(1)[0][0]
    return score_outputs(task_set, [task_set.write(commonest)] * len(task_set)).values


def summary(found: Sequence[TaskScores], *, seed: int = 0) -> dict[str, Any]:
    """What `metrics.json` says of the scores: by task, and the average of every benchmark.

    seed: of the bootstrap of the 95% confidence intervals. Sets without labels are counted, and have no scores.
    """
    unlabelled = {one.task_set.task.name: len(one.task_set) for one in found if one.task_set.keys is not None}
    found = [one for one in found if one.task_set.keys is None]
    values = {one.task_set.task.name: one.values for one in found}
    notes = {
        one.task_set.task.name: {name: score.note for name, score in one.scores.items() if score.note} for one in found
    }
    literal = {one.task_set.task.name: one.literal_values for one in found}
    return ({"num_without_label": unlabelled} if unlabelled else {}) | {
        "tasks": values,
        "literal_scores": {name: of_task for name, of_task in literal.items() if of_task},
        "averages": benchmark_averages(values),
        "intervals": {
            one.task_set.task.name: {name: list(score.interval(seed)) for name, score in one.scores.items()}
            for one in found
        },
        "num_examples": {one.task_set.task.name: len(one.task_set) for one in found},
        "unwritable_references": {
            one.task_set.task.name: one.task_set.num_unwritable for one in found if one.task_set.num_unwritable
        },
        "indistinct_references": {
            one.task_set.task.name: one.task_set.num_indistinct for one in found if one.task_set.num_indistinct
        },
        "invalid_outputs": {one.task_set.task.name: one.invalid for one in found if one.task_set.task.labels},
        "majority": {one.task_set.task.name: majority(one.task_set) for one in found if one.task_set.task.labels},
        "notes": {name: of_task for name, of_task in notes.items() if of_task},
    }
