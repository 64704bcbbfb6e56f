"""Decoding task sets and scoring the outputs."""

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

# Gives the lists of all ranks to every rank, in the order of ranks.
Gather = Callable[[list[str]], list[list[str]]]


@dataclass(frozen=True)
class Decoding:
    """How outputs are decoded. num_beams: 1 means greedy. max_length: replaces the limit of each task."""

    batch_size: int = 64
    num_beams: int = 1
    length_penalty: float = 0.6
    max_length: int | None = None


@dataclass(frozen=True)
class TaskScores:
    """The scores of a task's outputs, compared with the references as far as the vocabulary can write them.

    invalid: how many outputs are not labels, for a task with labels.
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
        """The scores against the unchanged references; empty if the vocabulary can write all of them."""
        if not self.task_set.num_unwritable:
            return {}
        found = metrics.score(self.task_set.task, self.task_set.references, self.outputs)
        return {name: score.value for name, score in found.items()}

    @property
    def mean(self) -> float:
        """The mean of the task's metrics, which is the task's part in averages; 0 for a set without labels."""
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
    """Decode and score every set. Each rank decodes its share, and all ranks get all scores."""
    watch.begin(sum(len(range(rank, len(task_set), world_size)) for task_set in sets))
    return [
        score_outputs(task_set, _decode(model, vocabulary, task_set, decoding, rank, world_size, gather, watch))
        for task_set in sets
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
    # Sorted by length and dealt out in turn, so that all ranks have about the same amount of work.
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
    """Score the outputs of a set, compared with the references as far as the vocabulary can write them."""
    labels = set(map(task_set.write, task_set.task.labels))
    invalid = sum(output not in labels for output in outputs) if labels else 0
    if task_set.keys is not None:
        return TaskScores(task_set, outputs, {}, invalid)
    scores = metrics.score(task_set.task, task_set.references, outputs, task_set.write)
    return TaskScores(task_set, outputs, scores, invalid)


def majority(task_set: TaskSet) -> dict[str, float]:
    """The scores of always answering with the most frequent label; empty for tasks without labels."""
    if not task_set.task.labels:
        return {}
    most_frequent = Counter(given[0] for given in task_set.references).most_common(1)[0][0]
    return score_outputs(task_set, [task_set.write(most_frequent)] * len(task_set)).values


def summary(found: Sequence[TaskScores], *, seed: int = 0) -> dict[str, Any]:
    """The scores in `metrics.json`: per task, and the average of each benchmark.

    Sets without labels are counted but have no scores.

    seed: for the bootstrap of the 95% confidence intervals.
    """
    unlabelled = {
        scored.task_set.task.name: len(scored.task_set) for scored in found if scored.task_set.keys is not None
    }
    found = [scored for scored in found if scored.task_set.keys is None]
    values = {scored.task_set.task.name: scored.values for scored in found}
    notes = {
        scored.task_set.task.name: {name: score.note for name, score in scored.scores.items() if score.note}
        for scored in found
    }
    literal = {scored.task_set.task.name: scored.literal_values for scored in found}
    return ({"num_without_label": unlabelled} if unlabelled else {}) | {
        "tasks": values,
        "literal_scores": {name: of_task for name, of_task in literal.items() if of_task},
        "averages": benchmark_averages(values),
        "intervals": {
            scored.task_set.task.name: {name: list(score.interval(seed)) for name, score in scored.scores.items()}
            for scored in found
        },
        "num_examples": {scored.task_set.task.name: len(scored.task_set) for scored in found},
        "unwritable_references": {
            scored.task_set.task.name: scored.task_set.num_unwritable
            for scored in found
            if scored.task_set.num_unwritable
        },
        "indistinct_references": {
            scored.task_set.task.name: scored.task_set.num_indistinct
            for scored in found
            if scored.task_set.num_indistinct
        },
        "invalid_outputs": {
            scored.task_set.task.name: scored.invalid for scored in found if scored.task_set.task.labels
        },
        "majority": {
            scored.task_set.task.name: majority(scored.task_set) for scored in found if scored.task_set.task.labels
        },
        "notes": {name: of_task for name, of_task in notes.items() if of_task},
    }
