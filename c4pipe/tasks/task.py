"""The type of a task: text in, text out, and the metrics of its outputs (T5, section 2.4)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

import numpy as np

Record = Mapping[str, Any]
LABEL = "label"


@dataclass(frozen=True, slots=True)
class TextExample:
    """One text-to-text example.

    references: what the task's metrics need to judge an output. For most tasks these are the acceptable answers; for
    MultiRC, ReCoRD and WSC see `c4pipe.tasks.metrics`. trains: False for an example that may be scored, but not learnt
    from (WSC's false referents). fault: why the example has no label. Then it has no targets, and `references` is the
    key by which a benchmark's server knows the example (see `server_key`).
    """

    inputs: str
    targets: str
    references: tuple[str, ...]
    trains: bool = True
    fault: "MalformedRecord | None" = dataclass_field(default=None, repr=False, compare=False)


class MalformedRecord(Exception):
    """A raw record that is not an example of its task. `reason` is the name of the counter, and in the quarantine."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Dropped(MalformedRecord):
    """A valid record that gives no example to learn or to score. It is counted, but not put into the quarantine."""


class Unlabelled(Dropped):
    """A record whose label is hidden (-1 or nothing), as in test splits."""

    def __init__(self) -> None:
        super().__init__("no_label", "the record has no label")


@dataclass(frozen=True)
class Task:
    """A task of the catalog.

    name: the first word of its files' names. benchmark: the benchmark in whose average it counts; empty for none.
    source: the name of its data set for `datasets` (`PATH` or `PATH/CONFIG`). format: a raw record -> its examples
    (most tasks make one). metrics: names in `c4pipe.tasks.metrics.METRICS`. labels: all right outputs, in the order of
    the class numbers; empty if outputs are free text. counts_as: tasks of one benchmark with the same `counts_as` are
    averaged first and count once (MNLI's two validation sets). tsv_columns: the columns of its TSV file, if the file
    has no header. halves: half of a split -> its task, if that is another one (MNLI's `mismatched`). unfold: a nested
    record of the task's files -> the records in it.
    """

    name: str
    benchmark: str
    source: str
    format: Callable[[Record], list[TextExample]]
    metrics: tuple[str, ...]
    labels: tuple[str, ...] = ()
    counts_as: str = ""
    tsv_columns: tuple[str, ...] = ()
    halves: Mapping[str, str] = dataclass_field(default_factory=dict)
    unfold: Callable[[Record], Sequence[Record]] | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields that it reads, if its format tells them."""
        return getattr(self.format, "fields", ())

    @property
    def label_fields(self) -> tuple[str, ...]:
        """The names of the fields that may have its label."""
        return getattr(self.format, "label_fields", (LABEL,))


# The fields of `idx` in benchmarks whose examples are numbered within a passage.
_LEVELS = ("paragraph", "passage", "question", "query", "answer")
# Labels of data sets on the Hugging Face hub -> labels of the tasks here.
_SYNONYMS = {"neg": "negative", "pos": "positive"}


def server_key(record: Record) -> tuple[str, ...]:
    """The key by which a benchmark's server knows a record: its `idx` or `index`, level by level; empty if it has none.

    >>> server_key({"index": "7"}), server_key({"idx": {"paragraph": 0, "question": 3, "answer": 1}}), server_key({})
    (('7',), ('0', '3', '1'), ())
    """
    index = record.get("idx", record.get("index"))
    if isinstance(index, dict):
        return tuple(str(index[level]) for level in _LEVELS if index.get(level) is not None)
    if index is None:
        return tuple(str(record[f"idx/{level}"]) for level in _LEVELS if record.get(f"idx/{level}") is not None)
    return (str(index),)


def example_of(inputs: str, label: "str | MalformedRecord", record: Record) -> TextExample:
    """The example whose target and reference is a label; without a label, an example only for a test split."""
    if isinstance(label, str):
        return TextExample(inputs, label, (label,))
    return TextExample(inputs, "", server_key(record), fault=label)


def text(record: Record, *names: str) -> str:
    """The first of the fields `names` that the record has, as text.

    Raises: MalformedRecord if it has none of them, or if the field is not text.
    """
    value = field(record, *names)
    if not isinstance(value, str):
        raise MalformedRecord("bad_field", f"{names[0]!r} is {type(value).__name__}, not text")
    return value


def field(record: Record, *names: str) -> Any:
    """The first of the fields `names` that the record has.

    Raises: MalformedRecord if it has none of them.
    """
    for name in names:
        if record.get(name) is not None:
            return record[name]
    raise MalformedRecord("missing_field", f"no field {' or '.join(map(repr, names))}; it has {', '.join(record)}")


_MOST_DIGITS = 100
_WHOLE_NUMBER = re.compile(r"(-?[0-9]+)\.0+")


def _whole(text: str) -> str:
    """The text without the decimals of a whole number (`1.0`); other texts are unchanged."""
    number = _WHOLE_NUMBER.fullmatch(text)
    return number[1] if number else text


def label_name(value: Any, labels: Sequence[str]) -> str:
    """The name of a label that is given as its class number, as its name, or (if there are two labels) as a boolean.

    >>> label_name(1, ("negative", "positive")), label_name("positive", ("negative", "positive"))
    ('positive', 'positive')
    >>> label_name(True, ("False", "True")), label_name("0", ("negative", "positive"))
    ('True', 'negative')
    >>> label_name("1.0", ("negative", "positive"))  # as pandas writes whole numbers if any row has none
    'positive'

    Raises: Unlabelled if the label is hidden; MalformedRecord if it is not a label of the task.
    """
    if isinstance(value, str):
        value = _whole(value.strip())
    if value is None or value in (-1, "-1", ""):
        raise Unlabelled
    number: Any = value if isinstance(value, (bool, int, float)) else None
    if isinstance(value, str):
        by_name = {label.lower(): label for label in labels}
        name = value.lower()
        if (known := by_name.get(name) or by_name.get(_SYNONYMS.get(name, ""))) is not None:
            return known
        number = int(value) if value.isdecimal() and len(value) < _MOST_DIGITS else None
    if number is None or not 0 <= number < len(labels) or int(number) != number:
        raise MalformedRecord("unknown_label", f"label {value!r} is none of {', '.join(labels)}")
    return labels[int(number)]


def label_of(record: Record, labels: Sequence[str], *names: str) -> str | MalformedRecord:
    """The name of a record's label, from the field `label` or one of `names`. If it has none, returns this fault.

    Raises: MalformedRecord if the label is not a label of the task.
    """
    fields = (LABEL, *names)
    for name in fields:
        if name in record:
            try:
                return label_name(record[name], labels)
            except Unlabelled as fault:
                return fault
    return MalformedRecord("missing_field", f"no field {' or '.join(map(repr, fields))}; it has {', '.join(record)}")


def named_fields(prefix: str, record: Record, *fields: str | tuple[str, ...]) -> str:
    """The inputs of most tasks: the task's word, then every field with its name.

    A field is given as a name, or as a name followed by its names in other files.

    >>> named_fields("mrpc", {"sentence1": "A b.", "sentence2": "C d."}, "sentence1", "sentence2")
    'mrpc sentence1: A b. sentence2: C d.'
    """
    parts = [prefix]
    for name in fields:
        names = (name,) if isinstance(name, str) else name
        parts += [f"{names[0]}:", text(record, *names)]
    return " ".join(parts)


def classified(
    prefix: str, labels: Sequence[str], *fields: str | tuple[str, ...], label_fields: Sequence[str] = ()
) -> Callable[[Record], list[TextExample]]:
    """A `format` for tasks whose target is a label: `prefix field: ... field: ...` -> the label's name."""

    def format_record(record: Record) -> list[TextExample]:
        label = label_of(record, labels, *label_fields)
        return [example_of(named_fields(prefix, record, *fields), label, record)]

    # For `Task.fields` and `Task.label_fields`.
    format_record.label_fields = (LABEL, *label_fields)  # type: ignore[attr-defined]
    names = [name for names in fields for name in ((names,) if isinstance(names, str) else names)]
    format_record.fields = (*names, LABEL, *label_fields)  # type: ignore[attr-defined]
    return format_record


def nearest_fifth(value: float) -> str:
    """STS-B's target: the similarity rounded to a multiple of 0.2; as in the reference, in float32 and half to even.

    >>> nearest_fifth(3.25), nearest_fifth(0.0), nearest_fifth(4.9)
    ('3.2', '0.0', '4.8')
    """
    return f"{float(np.round(np.float32(value) * np.float32(5)) / np.float32(5)):.1f}"
