"""The examples of a split that are decoded and scored, as one set per task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from c4pipe.errors import UserError
from c4pipe.shards import files, manifest
from c4pipe.shards.example_shards import read_example_shard
from c4pipe.shards.stream.cache import check_shard
from c4pipe.shards.stream.example_sources import Source
from c4pipe.tasks import writable
from c4pipe.tasks.catalog import find_or_make
from c4pipe.tasks.task import Task
from c4pipe.tasks.writable import References
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.data.task_sources import each_task

# An output may have one token more than the longest label: that is enough to see that it is not a label.
_BEYOND_LABELS = 1


@dataclass(frozen=True)
class TaskSet:
    """n examples of one task. inputs, targets: ids with EOS, of any lengths. references: see `c4pipe.tasks.metrics`.

    max_length: the number of tokens after which decoding ends; longer outputs are wrong or were cut in the data.
    forms: text -> the nearest text that the vocabulary can write, for references and labels that it cannot write.
    num_indistinct: reference texts that would have the same form; they get no form and stay as they are.
    keys: for examples without labels, the key of each on the benchmark's server; None if they have labels.
    """

    task: Task
    inputs: Sequence[np.ndarray]
    targets: Sequence[np.ndarray]
    references: Sequence[tuple[str, ...]]
    max_length: int
    forms: Mapping[str, str] = field(default_factory=dict)
    num_indistinct: int = 0
    keys: Sequence[tuple[str, ...]] | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def write(self, text: str) -> str:
        """A reference or label as the vocabulary can write it, so that an output can equal it."""
        return self.forms.get(text, text)

    @cached_property
    def num_unwritable(self) -> int:
        """How many examples have references that no output can equal exactly."""
        if self.keys is not None or not self.forms:
            return 0
        return writable.num_unwritable(self.task.metrics, self.references, self.write)


def read_task_sets(
    sources: Sequence[Source],
    vocabulary: Vocabulary,
    *,
    split: str,
    max_examples: int | None = None,
    metrics: Mapping[str, Sequence[str]] | None = None,
) -> list[TaskSet]:
    """The sets of all tasks in a split of the sources, ordered by task name.

    Examples without labels, as in test splits, form a separate set.

    max_examples: how many examples of each task are taken, from the first. metrics: task -> metrics, for the user's own
    tasks.
    Raises: UserError if a folder holds no tasks, or has another vocabulary than the model.
    """
    sets: dict[str, list[TaskSet]] = {}
    for source in sources:
        folder_manifest = manifest.read(source.folder)
        if folder_manifest.kind != "tasks":
            raise UserError(
                f"{source.folder} holds {folder_manifest.kind}, not tasks; give a folder made by tasks_to_examples"
            )
        _check_vocabulary(source.folder, folder_manifest, vocabulary)
        for name, member in each_task(source, split):
            if name in sets:
                raise UserError(f"two folders hold the task {name}; evaluate one folder at a time")
            task = find_or_make(name, (metrics or {}).get(name, ()))
            rows = _rows(folder_manifest, member, max_examples)
            if rows:
                max_length = _max_length(task, vocabulary, int(folder_manifest.settings["targets_length"]))
                with_label = [row for row in rows if _has_label(row)]
                without = [row for row in rows if not _has_label(row)]
                parts = ((with_label, False), (without, True))
                sets[name] = [_task_set(task, part, vocabulary, max_length, hidden) for part, hidden in parts if part]
    if not sets:
        folders = ", ".join(source.folder for source in sources)
        raise UserError(f"{folders} has no examples of the split {split!r}")
    return [task_set for name in sorted(sets) for task_set in sets[name]]


def _has_label(row: "Row") -> bool:
    """Whether the targets have a token besides EOS, as every label has."""
    return len(row[1]) > 1


def _task_set(task: Task, rows: Sequence["Row"], vocabulary: Vocabulary, max_length: int, is_hidden: bool) -> TaskSet:
    last = [row[2] for row in rows]
    references: list[tuple[str, ...]] = [() for _ in rows] if is_hidden else last
    forms, num_indistinct = _forms(task, references, vocabulary)
    inputs, targets = [row[0] for row in rows], [row[1] for row in rows]
    keys = last if is_hidden else None
    return TaskSet(task, inputs, targets, references, max_length, forms, num_indistinct, keys)


def _check_vocabulary(folder: str, folder_manifest: manifest.Manifest, vocabulary: Vocabulary) -> None:
    theirs = Vocabulary.load(folder, folder_manifest.settings.get("num_extra_ids"))
    if theirs.model != vocabulary.model or theirs.num_extra_ids != vocabulary.num_extra_ids:
        raise UserError(
            f"{folder} and the model have different vocabularies ({theirs.size} and {vocabulary.size} ids); make the "
            "folder again with --vocabulary=RUN"
        )


def _forms(task: Task, references: References, vocabulary: Vocabulary) -> tuple[dict[str, str], int]:
    texts = sorted({*writable.pieces_of(references), *task.labels})
    forms = [vocabulary.decode(ids) for ids in vocabulary.encode_prompts(texts)]
    return writable.differing_forms(texts, forms, unknown=vocabulary.decode([vocabulary.unk_id]).strip())


# Inputs, targets, references.
Row = tuple[np.ndarray, np.ndarray, tuple[str, ...]]


def _rows(folder_manifest: manifest.Manifest, source: Source, max_examples: int | None) -> list[Row]:
    rows: list[Row] = []
    for shard in folder_manifest.splits.get(source.split, ()):
        if not shard.rows:
            continue
        path = files.join(source.folder, shard.file)
        check_shard(path, shard)
        for row in read_example_shard(path):
            if max_examples is not None and len(rows) >= max_examples:
                return rows
            rows.append((row["inputs"], row["targets"], tuple(row["references"])))
    return rows


def _max_length(task: Task, vocabulary: Vocabulary, targets_length: int) -> int:
    if not task.labels:
        return targets_length
    longest = max(len(ids) for ids in vocabulary.encode_batch(list(task.labels)))
    return longest + 1 + _BEYOND_LABELS
