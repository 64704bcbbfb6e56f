"""Converts raw records to text-to-text examples: pure functions of one record."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from c4pipe.split_names import TRAIN
from c4pipe.tasks.catalog import TASKS, find_or_make
from c4pipe.tasks.ready import is_ready, ready_example
from c4pipe.tasks.splits import half_of, is_test, split_of
from c4pipe.tasks.task import MalformedRecord, Record, TextExample

# In bytes. A file name also has the split, the numbers of the shards and `.incomplete`, and may have 255 bytes.
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Placed:
    """An example with its task and split."""

    task: str
    split: str
    example: TextExample


def unfold(record: Record, task: str | None) -> Sequence[Record]:
    """The records in one record of a file. It is only the record itself, unless the task's files nest records."""
    known = TASKS.get(task or "")
    if known is None or known.unfold is None:
        return [record]
    try:
        return known.unfold(record)
    except RecursionError:
        raise _too_deep() from None


def convert(record: Record, task: str | None, source_split: str | None = None) -> Iterator[Placed]:
    """The examples of one raw or ready record.

    task: the task of a raw record, and of a ready record that does not name its task. source_split: the split according
    to the source; the record's own field `split` has precedence.

    Examples that must not be learnt from are left out of the training split. Examples without a label are kept only in
    a test split.

    Raises: MalformedRecord if the record is not an example; Dropped if it is a valid record that gives no example.
    """
    try:
        yield from _convert(record, task, source_split)
    except RecursionError:  # from converting a nested value to text
        raise _too_deep() from None


def _too_deep() -> MalformedRecord:
    return MalformedRecord("bad_field", "a field is nested too deep")


def _convert(record: Record, task: str | None, source_split: str | None) -> Iterator[Placed]:
    named_split: Any = record.get("split") if record.get("split") is not None else source_split
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
    if fault is not None and not is_test(named_split):
        raise fault
    # All examples of a record go to the same split.
    split = split_of(examples[0].inputs, named_split) if examples else TRAIN
    if name in TASKS:
        name = TASKS[name].halves.get(half_of(named_split), name)
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
    # The name becomes part of file names and splits: TASK-train-00000-of-00001.arrow.
    if not name or len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        return False
    return all(letter.isalnum() or letter in "_.-" for letter in name) and not name.startswith(".")
