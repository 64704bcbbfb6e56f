"""The evaluation texts of task folders: the fields of each example's inputs, and its right answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from c4pipe.contamination.fields import labels_of, split_fields
from c4pipe.errors import UserError
from c4pipe.shards import files, manifest
from c4pipe.shards.example_shards import read_example_shard
from c4pipe.shards.reading.source_names import SourceName
from c4pipe.shards.stream.cache import check_shard
from c4pipe.tasks.example_keys import example_key
from c4pipe.vocabulary.vocabulary import Vocabulary

INPUTS, TARGETS = "inputs", "targets"
DEFAULT_SPLIT = "validation"


@dataclass(frozen=True)
class TaskExample:
    """One example of an evaluation split. key: a digest of its ids, by which `model.evaluate` finds it."""

    task: str
    split: str
    key: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...]

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield (side, text) for all texts that may be in a corpus."""
        yield from ((INPUTS, text) for text in self.inputs)
        yield from ((TARGETS, text) for text in self.targets)


def read_task_texts(sources: Sequence[SourceName]) -> list[TaskExample]:
    """The examples of `DIR[@SPLIT]` folders made by tasks_to_examples. The default split is `validation`.

    Raises: UserError if a folder does not have tasks, or none of them has the split.
    """
    found: list[TaskExample] = []
    for source in sources:
        made = manifest.read(source.path)
        if made.kind != "tasks":
            raise UserError(f"{source.path} has {made.kind}, not tasks; give a folder made by tasks_to_examples")
        split = source.split or DEFAULT_SPLIT
        wanted = [name for name in made.splits if name == split or name.endswith(f"-{split}")]
        if not wanted:
            there = ", ".join(sorted(made.splits))
            raise UserError(f"{source.path} has no task with the split {split!r}; its splits are {there}")
        vocabulary = Vocabulary.load(source.path, made.settings.get("num_extra_ids"))
        for name in sorted(wanted):
            found += _examples(source.path, made, name, split, vocabulary)
    return found


def _examples(
    folder: str, made: manifest.Manifest, name: str, split: str, vocabulary: Vocabulary
) -> Iterator[TaskExample]:
    rows: list[dict[str, Any]] = []
    for shard in made.splits[name]:
        path = files.join(folder, shard.file)
        check_shard(path, shard)
        rows += read_example_shard(path)
    inputs = [vocabulary.decode(row["inputs"]) for row in rows]
    labels = labels_of(inputs)
    task = name.removesuffix(f"-{split}")
    for row, text in zip(rows, inputs, strict=True):
        answers = dict.fromkeys([vocabulary.decode(row["targets"]), *map(str, row["references"])])
        key = example_key(row["inputs"], row["targets"])
        yield TaskExample(task, split, key, tuple(split_fields(text, labels)), tuple(answers))
