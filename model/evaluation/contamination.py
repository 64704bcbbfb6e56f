"""Scores clean and contaminated examples separately, by the result of find_contamination."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from c4pipe.errors import UserError
from c4pipe.shards import files, json_files
from c4pipe.tasks.example_keys import example_key
from model.evaluation.scoring import TaskScores, score_outputs
from model.evaluation.task_sets import TaskSet

RESULT = "contamination.json"
CLEAN, CONTAMINATED = "clean", "contaminated"
NOTE = (
    "contaminated: a part of the example's inputs or right answers occurs in the corpus; clean: nothing was found, "
    "or its texts are too short for the search"
)


@dataclass(frozen=True)
class _Example:
    """An example of which a part occurs in the corpus. key: see `example_key`."""

    task: str
    split: str
    key: str


@dataclass(frozen=True)
class _Task:
    """A split of a task whose examples were searched for."""

    task: str
    split: str
    examples: int


@dataclass(frozen=True)
class _Result:
    tasks: list[_Task]
    examples: list[_Example]


@dataclass(frozen=True)
class Contamination:
    """The result of a search for the examples of a split.

    folder: of find_contamination. num_examples: task -> the number of examples that were searched for. found: task ->
    the keys of those that occur in the corpus.
    """

    folder: str
    num_examples: Mapping[str, int]
    found: Mapping[str, Collection[str]]

    @classmethod
    def read(cls, folder: str, split: str) -> "Contamination":
        """Read what find_contamination found for the tasks of a split.

        Raises: UserError if the folder is not one of find_contamination, is damaged, or has no task with this split.
        """
        path = files.join(folder, RESULT)
        if not files.exists(path):
            raise UserError(f"{folder} has no {RESULT}; give a folder made by find_contamination")
        result = json_files.read(path, _Result, "run find_contamination again", may_hold_more=True)
        num_examples = {row.task: row.examples for row in result.tasks if row.split == split}
        if not num_examples:
            splits = ", ".join(sorted({row.split for row in result.tasks})) or "none"
            raise UserError(f"{folder} has no results for the split {split!r}; it has the splits {splits}")
        found: dict[str, set[str]] = {task: set() for task in num_examples}
        for example in result.examples:
            if example.split == split and example.task in found:
                found[example.task].add(example.key)
        return cls(folder, num_examples, found)

    def check(self, task_set: TaskSet, *, all_examples: bool) -> None:
        """Raises: UserError if a task was not searched for, or if other examples of it are evaluated.

        all_examples: whether the whole split is evaluated.
        """
        task = task_set.task.name
        if task not in self.found:
            raise UserError(
                f"{self.folder} has no results for {task} (it has {', '.join(sorted(self.found))}); run "
                "find_contamination on its folder too, or evaluate it without --contamination"
            )
        keys, found = set(_keys(task_set)), set(self.found[task])
        if all_examples and (len(task_set) != self.num_examples[task] or not found <= keys):
            raise UserError(
                f"{self.folder} has results for {self.num_examples[task]:,} other examples of {task}: "
                f"{len(found & keys):,} of the {len(found):,} that it found are among the {len(task_set):,} evaluated; "
                "run find_contamination on this folder of tasks (examples are identified by their ids)"
            )

    def parts(self, scored: TaskScores) -> dict[str, TaskScores]:
        """The scores of a task's contaminated and clean examples; a part without examples is left out."""
        found = self.found[scored.task_set.task.name]
        places: dict[str, list[int]] = {CONTAMINATED: [], CLEAN: []}
        for place, key in enumerate(_keys(scored.task_set)):
            places[CONTAMINATED if key in found else CLEAN].append(place)
        return {name: _part(scored, chosen) for name, chosen in places.items() if chosen}


def _keys(task_set: TaskSet) -> list[str]:
    return [example_key(*ids) for ids in zip(task_set.inputs, task_set.targets, strict=True)]


def _part(scored: TaskScores, places: Sequence[int]) -> TaskScores:
    """The scores of some of a task's examples."""
    whole = scored.task_set
    columns: dict[str, Any] = {
        name: [getattr(whole, name)[place] for place in places] for name in ("inputs", "targets", "references")
    }
    return score_outputs(replace(whole, **columns), [scored.outputs[place] for place in places])


def split_scores(contamination: Contamination, found: Sequence[TaskScores]) -> dict[str, dict[str, TaskScores]]:
    """Task -> part -> its scores. Sets without labels have none and are left out."""
    scored = [of_task for of_task in found if of_task.task_set.keys is None]
    return {of_task.task_set.task.name: contamination.parts(of_task) for of_task in scored}


def summary_of_parts(parts: Mapping[str, Mapping[str, TaskScores]]) -> dict[str, Any]:
    """What `metrics.json` says of the parts: by task how many examples each has, and its scores."""
    tasks = {
        task: {
            name: {"num_examples": len(of_task[name].task_set), "scores": of_task[name].values}
            if name in of_task
            else {"num_examples": 0, "scores": {}}
            for name in (CLEAN, CONTAMINATED)
        }
        for task, of_task in parts.items()
    }
    return {"tasks": tasks, "note": NOTE}


def line_of_parts(parts: Mapping[str, TaskScores]) -> str:
    """The scores of a task's parts in one line."""
    words = []
    for name in (CLEAN, CONTAMINATED):
        if name in parts:
            values = ", ".join(f"{metric} {value:.2f}" for metric, value in parts[name].values.items())
            words.append(f"{name} [{len(parts[name].task_set)}]: {values}")
        else:
            words.append(f"{name} [0]")
    return "; ".join(words)
