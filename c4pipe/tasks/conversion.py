"""From raw records to text-to-text examples: pure, for one record at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from c4pipe.split_names import TRAIN
from c4pipe.tasks.catalog import TASKS, find_or_make
from c4pipe.tasks.ready import is_ready, ready_example
from c4pipe.tasks.splits import half_of, is_test, split_of
from c4pipe.tasks.task import MalformedRecord, Record, TextExample

# With the split and the numbers of the shards, and `.incomplete`, it must fit into 255 bytes.
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Placed:
    """An example with its task and split."""

    task: str
    split: str
    example: TextExample


def unfold(record: Record, task: str | None) -> Sequence[Record]:
    """The records that one record of a file holds: itself, but for files of a task that nest them."""
    known = TASKS.get(task or "")
    if known is None or known.unfold is None:
        return [record]
    try:
        return known.unfold(record)
    except RecursionError:
        raise _too_deep() from None


def convert(record: Record, task: str | None, told_split: str | None = None) -> Iterator[Placed]:
    """The examples of one raw or ready record.

    task: of raw records; a ready record names its own, and `task` only where it does not. told_split: of a source that
    knows its splits; the record's own field `split` comes first.

    Examples that must not be learnt from are left out of the training split; those without a label are kept in a test
    split only.

    Raises: MalformedRecord if the record is not an example; Dropped if it is a good record without one.
    """
    try:
        yield from _convert(record, task, told_split)
    except RecursionError:  # where a value is put into words
        raise _too_deep() from None


def _too_deep() -> MalformedRecord:
    return MalformedRecord("bad_field", "a field is nested too deep")


def _convert(record: Record, task: str | None, told_split: str | None) -> Iterator[Placed]:
    told: Any = record.get("split") if record.get("split") is not None else told_split
    if is_ready(record):
        name = record.get("task") or task
        if not isinstance(name, str) or not _is_file_name(name):
            words = (
                f"'task' is {str(name)[:100]!r}; give a name of letters, digits and _.-, {_LONGEST_NAME} bytes at most"
            )
            raise MalformedRecord("missing_task", words)
        examples = [_checked(ready_example(record, name))]
    elif task is None:
        detail = f"no fields 'inputs' and 'targets', and no --task says what it is; it has {', '.join(record)}"
        raise MalformedRecord("missing_field", detail)
    else:
        name = task
        examples = [_checked(example) for example in find_or_make(task).format(record)]
    fault = next((example.fault for example in examples if example.fault is not None), None)
    if fault is not None and not is_test(told):
        raise fault
    # All examples of a record go the same way.
    split = split_of(examples[0].inputs, told) if examples else TRAIN
    if name in TASKS:
        name = TASKS[name].halves.get(half_of(told), name)
    for example in examples:
        if split != TRAIN or example.trains:
            yield Placed(name, split, example)


def _checked(example: TextExample) -> TextExample:
    if not example.inputs.strip():
        raise MalformedRecord("no_inputs", "the inputs are empty")
    if example.fault is None and not example.targets.strip():
        raise MalformedRecord("no_targets", "the targets are empty")
    return example


def _is_file_name(name: str) -> bool:
    # Tasks name files and splits: TASK-train-00000-of-00001.arrow.
    if not name or len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        return False
    return all(letter.isalnum() or letter in "_.-" for letter in name) and not name.startswith(".")
