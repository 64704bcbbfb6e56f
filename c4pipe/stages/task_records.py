"""Reads the raw records of a task from a file, a folder of `save_to_disk`, or a data set of the Hugging Face hub.

The input is checked against the task, because two faults would otherwise go unnoticed: class numbers in another order
than the task's, and a TSV or CSV file without a header, whose first record would be read as the names of its columns.
"""

from collections.abc import Iterator, Mapping, Sequence

from c4pipe.errors import UserError
from c4pipe.shards.reading import data_set_folders, kinds, tables
from c4pipe.shards.reading.records import BadRecord, RawRecord, ReadingOptions, header_of, read_records
from c4pipe.tasks import hugging_face
from c4pipe.tasks.catalog import TASKS
from c4pipe.tasks.task import MalformedRecord, label_name

ToldRecord = tuple[RawRecord | BadRecord, str | None]


def read_task_records(path: str, task: str, split: str | None) -> Iterator[ToldRecord]:
    """Yield (record, its split according to the source).

    task: the task of raw records; empty for ready records. split: for a file, the split from its name or from the user;
    for a data set, the only split to read.

    Raises: UserError if the source cannot be read, has class names that the task does not know, or has no header.
    """
    if not path.startswith(hugging_face.PREFIX):
        _check_header(path, task)
        _check_classes_of_file(path, task)
        columns = TASKS[task].tsv_columns if task in TASKS else ()
        for record in read_records(path, ReadingOptions(delimited_columns=columns)):
            yield record, split
        return
    name = path.removeprefix(hugging_face.PREFIX)
    rows = _of_folder(name, task) if data_set_folders.is_data_set(name) else _of_hub(name, task)
    number = 0
    splits = set()
    for record, record_split in rows:
        splits.add(record_split)
        if split is None or record_split == split:
            yield record, record_split
            number += 1
    if not number and split is not None:
        raise UserError(f"{path} has no split {split!r}; it has {', '.join(sorted(map(str, splits)))}")


def _of_folder(folder: str, task: str) -> Iterator[ToldRecord]:
    number = 0
    for split, paths in data_set_folders.splits_of(folder).items():
        for path in paths:
            _check_classes_of_file(path, task)
            for record in read_records(path):
                if isinstance(record, RawRecord):
                    yield RawRecord(number, number, record.fields), split
                else:
                    yield BadRecord(number, number, record.reason, record.detail), split
                number += 1


def _of_hub(name: str, task: str) -> Iterator[ToldRecord]:
    def check(class_names: Mapping[str, Sequence[str]]) -> None:
        check_classes(f"{hugging_face.PREFIX}{name}", class_names, task)

    for number, (split, fields) in enumerate(hugging_face.read_data_set(name, check)):
        yield RawRecord(number, number, fields), split


def _check_classes_of_file(path: str, task: str) -> None:
    if kinds.kind_of(path) in kinds.TABLES:
        check_classes(path, tables.class_names_of_schema(tables.schema_of(path)), task)


def check_classes(source: str, class_names: Mapping[str, Sequence[str]], task: str) -> None:
    """Raises: UserError if a label column has classes that the task does not know."""
    known = TASKS.get(task)
    if known is None or not known.labels:
        return
    for column in known.label_fields:
        for name in class_names.get(column, ()):
            try:
                label_name(name, known.labels)
            except MalformedRecord:
                raise UserError(
                    f"{source}: the classes of its column {column!r} are {', '.join(class_names[column])}, but the "
                    f"task {task} has {', '.join(known.labels)}; rename them, or give another --task"
                ) from None


def _check_header(path: str, task: str) -> None:
    """Raises: UserError if the first line of a TSV or CSV file names no column that the task reads."""
    if kinds.kind_of(path) not in (kinds.TSV, kinds.CSV):
        return
    known = TASKS.get(task)
    if known is not None and known.tsv_columns:
        return
    wanted = known.fields if known is not None else ("inputs", "targets")
    header = header_of(path)
    if wanted and header and not set(wanted) & set(header):
        raise UserError(
            f"{path} has no header: its first line ({', '.join(header)[:80]}) names none of the columns that "
            f"{task or 'a ready record'} has ({', '.join(wanted)}); write their names as its first line"
        )
