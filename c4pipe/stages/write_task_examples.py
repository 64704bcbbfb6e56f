"""Writes example shards from task files. One element is one file; it gives one shard per task and split.

Shards are first written to the work folder, with a `done.json` that is written last. A restart skips files that have a
`done.json` for the same bytes and settings.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

from apache_beam.metrics import Metrics

from c4pipe import checked_json
from c4pipe.checked_json import Count, FileName
from c4pipe.errors import UserError
from c4pipe.records import Quarantined
from c4pipe.shards import files
from c4pipe.shards.example_shards import ExampleShardWriter
from c4pipe.shards.reading.records import BadRecord, RawRecord
from c4pipe.shards.schemas import ExampleSchema
from c4pipe.stages.task_records import read_task_records
from c4pipe.tasks import hugging_face
from c4pipe.tasks.conversion import Placed, convert, unfold
from c4pipe.tasks.task import Dropped, MalformedRecord
from c4pipe.vocabulary.vocabulary import Vocabulary

DONE_FILE = "done.json"
FORMAT = 3
_BLOCK_ROWS = 1024
_NUM_SAMPLES = 5
_MAX_DETAIL = 300


@dataclass(frozen=True)
class TaskSettings:
    """Everything that determines the bytes of the shards, besides the input files and the vocabulary.

    task: the task of raw records; empty for ready records. inputs_length, targets_length: in tokens, including EOS;
    longer texts are truncated.
    """

    task: str
    inputs_length: int
    targets_length: int


@dataclass(frozen=True)
class TaskFile:
    """An input: a path, or a data set's name after `hf:`.

    sha256: the SHA-256 of its bytes (for a data set, of its name). split: for a file, the split of records that do not
    name one themselves; for a data set, the only split to read.
    """

    path: str
    name: str
    sha256: str
    split: str | None = None

    def fingerprint(self, settings: TaskSettings, vocabulary: Vocabulary) -> str:
        """The name of its folder in the work folder."""
        parts = [FORMAT, self.name, self.sha256, self.split, asdict(settings), vocabulary.num_extra_ids]
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
        digest.update(vocabulary.model)
        return digest.hexdigest()[:24]


@dataclass
class SplitStatistics:
    """The statistics of one task and split in one file.

    sum_inputs, sum_targets: in tokens, including EOS. input_lengths: upper bound (a power of two) -> number of
    examples. targets: text -> how often it occurs, for the first distinct targets. unwritable_targets: the number of
    targets that the vocabulary cannot write literally, so that no output can equal them.
    """

    rows: int = 0
    truncated_inputs: int = 0
    truncated_targets: int = 0
    unwritable_targets: int = 0
    sum_inputs: int = 0
    sum_targets: int = 0
    longest_inputs: int = 0
    longest_targets: int = 0
    input_lengths: dict[str, int] = field(default_factory=dict)
    targets: dict[str, int] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)
    unwritable_samples: list[dict[str, str]] = field(default_factory=list)
    sha256: str = ""


def convert_and_count(task_file: TaskFile, settings: TaskSettings, vocabulary: Vocabulary, work_dir: str) -> str:
    """Convert a file as `convert_file` does, and add its counts to the pipeline's metrics. Returns: the file's name."""
    done = convert_file(task_file, settings, vocabulary, work_dir)
    for name, count in done["counters"].items():
        Metrics.counter("tasks", name).inc(count)
    return task_file.name


def done_path(task_file: TaskFile, settings: TaskSettings, vocabulary: Vocabulary, work_dir: str) -> str:
    """The path of a file's `done.json`."""
    return files.join(work_dir, task_file.fingerprint(settings, vocabulary), DONE_FILE)


def convert_file(task_file: TaskFile, settings: TaskSettings, vocabulary: Vocabulary, work_dir: str) -> dict[str, Any]:
    """Write a file's shards, then its `done.json`. Existing files are kept.

    Returns: the content of `done.json`: `splits` (TASK-SPLIT -> SplitStatistics), `counters`, `quarantined`.
    """
    path = done_path(task_file, settings, vocabulary, work_dir)
    if files.exists(path):
        return read_done(path)
    folder = path[: -len(DONE_FILE) - 1]
    files.make_folder(folder)
    conversion = _Conversion(folder, task_file, settings, vocabulary)
    conversion.run(read_task_records(task_file.path, settings.task, task_file.split))
    if not task_file.path.startswith(hugging_face.PREFIX) and files.sha256(task_file.path) != task_file.sha256:
        raise UserError(f"{task_file.path} changed while it was read; run the command again when it is complete")
    done = {
        "splits": {name: asdict(statistics) for name, statistics in sorted(conversion.statistics.items())},
        "counters": dict(sorted(conversion.counters.items())),
        "quarantined": [asdict(row) for row in conversion.quarantined],
    }
    files.write_bytes(path, json.dumps(done, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace"))
    return done


@dataclass(frozen=True)
class _Done:
    """`done.json`."""

    splits: dict[FileName, SplitStatistics]
    counters: dict[str, Count]
    quarantined: list[dict[str, Any]]


def read_done(path: str) -> dict[str, Any]:
    """What a `done.json` holds. Raises: UserError if it is damaged."""
    try:
        content = checked_json.parse_any(files.read_bytes(path))
        checked_json.convert(content, _Done)
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); remove its folder, and run the command again") from error
    return content


class _Conversion:
    """Converts one file to its shards. The shards get their final names together, after the last record."""

    def __init__(self, folder: str, task_file: TaskFile, settings: TaskSettings, vocabulary: Vocabulary) -> None:
        self._folder, self._file, self._settings, self._vocabulary = folder, task_file, settings, vocabulary
        self._blocks: dict[str, list[tuple[int, Placed]]] = {}
        self._writers: dict[str, ExampleShardWriter] = {}
        self._stack = ExitStack()
        self.statistics: dict[str, SplitStatistics] = {}
        self.counters: Counter[str] = Counter()
        self.quarantined: list[Quarantined] = []

    def run(self, records: Iterable[tuple[RawRecord | BadRecord, str | None]]) -> None:
        with self._stack:
            for record, source_split in records:
                for number, part in enumerate(self._unfolded(record)):
                    self.counters["records"] += 1
                    for placed in self._examples(part, source_split):
                        self._add(record.number + number, placed)
            for name in self._blocks:
                self._write(name)
        for name, statistics in self.statistics.items():
            statistics.sha256 = files.sha256(files.join(self._folder, f"{name}.arrow"))

    def _unfolded(self, record: RawRecord | BadRecord) -> list[RawRecord | BadRecord]:
        """The record itself, or the records nested in it."""
        if isinstance(record, BadRecord):
            return [record]
        try:
            parts = unfold(record.fields, self._settings.task or None)
        except MalformedRecord as fault:
            return [BadRecord(record.number, record.offset, fault.reason, fault.detail)]
        return [RawRecord(record.number, record.offset, dict(fields)) for fields in parts]

    def _examples(self, record: RawRecord | BadRecord, source_split: str | None) -> list[Placed]:
        try:
            if isinstance(record, BadRecord):
                raise MalformedRecord(record.reason, record.detail)
            placed = list(convert(record.fields, self._settings.task or None, source_split))
        except Dropped as fault:
            self.counters[f"dropped_{fault.reason}"] += 1
            return []
        except MalformedRecord as fault:
            self.counters[f"quarantined_{fault.reason}"] += 1
            detail = fault.detail[:_MAX_DETAIL]
            self.quarantined.append(Quarantined(self._file.name, record.offset, fault.reason, detail))
            return []
        if not placed:
            self.counters["dropped_not_to_train_on"] += 1
        self.counters["examples"] += len(placed)
        if num_unlabelled := sum(each.example.fault is not None for each in placed):
            self.counters["examples_without_label"] += num_unlabelled
        return placed

    def _add(self, number: int, placed: Placed) -> None:
        name = f"{placed.task}-{placed.split}"
        block = self._blocks.setdefault(name, [])
        block.append((number, placed))
        if len(block) == _BLOCK_ROWS:
            self._write(name)

    def _write(self, name: str) -> None:
        block = self._blocks[name]
        if not block:
            return
        writer = self._writers.get(name) or self._open(name)
        examples = [placed.example for _, placed in block]
        inputs = self._encode([example.inputs for example in examples], self._settings.inputs_length)
        targets = self._encode([example.targets for example in examples], self._settings.targets_length)
        with_label = [example.targets for example in examples if example.fault is None]
        self._look_at_targets(self.statistics[name], with_label)
        writer.write(
            [ids for ids, _ in inputs],
            [ids for ids, _ in targets],
            row=[number for number, _ in block],
            token_offset=[0] * len(block),
            num_pages=[1] * len(block),
            task=[placed.task for _, placed in block],
            references=[[_whole(text) for text in example.references] for example in examples],
        )
        _count(self.statistics[name], examples, inputs, targets)
        block.clear()

    def _open(self, name: str) -> ExampleShardWriter:
        schema = ExampleSchema(
            self._settings.inputs_length,
            self._settings.targets_length,
            self._vocabulary.size,
            fixed_inputs=False,
            fixed_targets=False,
            task=True,
            metadata={"task_file": self._file.name},
        )
        path = files.join(self._folder, f"{name}.arrow")
        self._writers[name] = self._stack.enter_context(ExampleShardWriter(path, schema))
        self.statistics[name] = SplitStatistics()
        return self._writers[name]

    def _look_at_targets(self, statistics: SplitStatistics, targets: list[str]) -> None:
        """Count the targets that do not equal the text of their tokens."""
        distinct = list(dict.fromkeys(map(_whole, targets)))
        forms = zip(distinct, map(self._vocabulary.decode, self._vocabulary.encode_prompts(distinct)), strict=True)
        different = {text: form for text, form in forms if form != text}
        statistics.unwritable_targets += sum(_whole(text) in different for text in targets)
        room = _NUM_SAMPLES - len(statistics.unwritable_samples)
        for text, form in list(different.items())[:room]:
            statistics.unwritable_samples.append({"target": text[:200], "written": form[:200]})

    def _encode(self, texts: list[str], length: int) -> list[tuple[list[int], bool]]:
        """(ids with EOS, whether the text was truncated) per text."""
        encoded = self._vocabulary.encode_prompts([_whole(text) for text in texts])
        return [([*ids[: length - 1], self._vocabulary.eos_id], len(ids) > length - 1) for ids in encoded]


def _whole(text: str) -> str:
    """The text without halves of surrogate pairs, which are possible in JSON, but not in UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _count(statistics: SplitStatistics, examples, inputs, targets) -> None:
    statistics.rows += len(examples)
    statistics.truncated_inputs += sum(cut for _, cut in inputs)
    statistics.truncated_targets += sum(cut for _, cut in targets)
    statistics.sum_inputs += sum(len(ids) for ids, _ in inputs)
    statistics.sum_targets += sum(len(ids) for ids, _ in targets)
    statistics.longest_inputs = max(statistics.longest_inputs, *(len(ids) for ids, _ in inputs))
    statistics.longest_targets = max(statistics.longest_targets, *(len(ids) for ids, _ in targets))
    for ids, _ in inputs:
        # Powers of two are enough for a picture, and few enough to store.
        bound = str(1 << (len(ids) - 1).bit_length())
        statistics.input_lengths[bound] = statistics.input_lengths.get(bound, 0) + 1
    for example in examples:
        # Only labels repeat. If there are more than some dozens of distinct targets, they are free text, whose counts
        # say nothing.
        if example.fault is not None:
            continue
        if example.targets in statistics.targets or len(statistics.targets) < 64:
            statistics.targets[example.targets] = statistics.targets.get(example.targets, 0) + 1
    for example, (ids, cut) in zip(examples, inputs, strict=True):
        if len(statistics.samples) == _NUM_SAMPLES:
            break
        statistics.samples.append(
            {
                "inputs": _whole(example.inputs)[:2000],
                "targets": _whole(example.targets)[:500],
                "references": [_whole(text)[:200] for text in example.references[:5]],
                "num_tokens": len(ids),
                "truncated": cut,
            }
        )
