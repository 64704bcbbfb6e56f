"""The job of tasks_to_examples: the task files in their order, and the files that it writes to its folder."""

import json
import shutil
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from c4pipe.errors import UserError
from c4pipe.folders.kinds import KINDS, QUARANTINE, REPORT
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.results import ManifestResult
from c4pipe.report.task_page import task_page
from c4pipe.shards import files, manifest, names
from c4pipe.shards.example_shards import ExampleShardWriter
from c4pipe.shards.manifest import Input, Manifest, Shard
from c4pipe.shards.schemas import ExampleSchema
from c4pipe.stages.write_task_examples import TaskFile, TaskSettings, done_path, read_done
from c4pipe.tasks import catalog, hugging_face
from c4pipe.vocabulary.folders import MODEL_FILE
from c4pipe.vocabulary.vocabulary import Vocabulary
from pipelines.launch import quarantine, report_page, task_inputs

WORK_FOLDER = ".work"
DEFAULT_TARGETS_LENGTH = 512
_ALWAYS = ("train", "validation")
# For the estimate of --dry_run: bytes of JSON lines per second and core, and bytes of shards per byte of JSON lines.
_BYTES_PER_SECOND = 2.4e6
_SHARD_BYTES_PER_BYTE = 0.35
_START_SECONDS = 3


@dataclass(frozen=True)
class TaskJob:
    """The job that a command line of tasks_to_examples describes. targets_length: the flag's; None: the longest."""

    source: str
    output: str
    settings: TaskSettings
    targets_length: int | None
    vocabulary: Vocabulary
    task_files: tuple[TaskFile, ...]
    max_quarantined_fraction: float

    @property
    def work_dir(self) -> str:
        return files.join(self.output, WORK_FOLDER)

    @property
    def known_settings(self) -> dict[str, Any]:
        """The settings in the manifest that are known before the work."""
        return {
            **asdict(self.settings),
            "asked_targets_length": self.targets_length,
            "vocabulary_size": self.vocabulary.size,
            "num_extra_ids": self.vocabulary.num_extra_ids,
        }

    @property
    def inputs(self) -> tuple[Input, ...]:
        return tuple(Input(task_file.name, task_file.sha256) for task_file in self.task_files)

    @property
    def assets(self) -> dict[str, str]:
        return {MODEL_FILE: self.vocabulary.digest}

    def result(self) -> ManifestResult:
        """The result that the command writes to its folder. Names of shards are known only after reading the files."""
        return ManifestResult(
            command="tasks_to_examples",
            kind="tasks",
            settings=self.known_settings,
            names=KINDS["tasks"].names,
            inputs=self._difference,
            free=frozenset({"targets_length"}),
            identity=[*map(asdict, self.inputs), self.assets, [file.split for file in self.task_files]],
        )

    def _difference(self, made: Manifest) -> str | None:
        if tuple(made.inputs) != self.inputs:
            return "made from other files"
        return None if dict(made.assets) == self.assets else "made with another vocabulary"

    def done_path(self, task_file: TaskFile) -> str:
        """The path of the `done.json` that exists after a task file is converted."""
        return done_path(task_file, self.settings, self.vocabulary, self.work_dir)

    def unconverted(self) -> list[TaskFile]:
        """The task files that are not converted yet."""
        return [task_file for task_file in self.task_files if not files.exists(self.done_path(task_file))]

    @property
    def num_bytes(self) -> int:
        """The size of all task files; of data sets, whose size is not known before they are read, nothing."""
        local = [file.path for file in self.task_files if not file.path.startswith(hugging_face.PREFIX)]
        return sum(map(files.size, local))

    @property
    def is_of_files(self) -> bool:
        """Whether `num_bytes` is the size of all inputs."""
        return not any(file.path.startswith(hugging_face.PREFIX) for file in self.task_files)

    def estimate(self) -> str:
        """The output of `--dry_run`."""
        paths = [task_file.path for task_file in self.task_files]
        size = self.num_bytes
        return "\n".join(
            [
                *paths,
                f"{len(self.task_files)} files, {size / 1e6:,.1f} MB, would become about "
                f"{_SHARD_BYTES_PER_BYTE * size / 1e6:,.1f} MB of shards in {self.output}, in about "
                f"{_START_SECONDS + size / _BYTES_PER_SECOND:,.0f} s on one core",
            ]
        )


def make_job(flags: Namespace) -> TaskJob:
    """Make the job from the flags. Raises: UserError for any mistake in them."""
    return TaskJob(
        source=flags.input,
        output=flags.output,
        settings=_settings(flags),
        targets_length=flags.targets_length,
        vocabulary=Vocabulary.load(flags.vocabulary, flags.num_extra_ids),
        task_files=tuple(task_inputs.task_files(flags.input)),
        max_quarantined_fraction=flags.max_quarantined_fraction,
    )


def _settings(flags: Namespace) -> TaskSettings:
    if flags.task and flags.task not in catalog.TASKS:
        raise UserError(
            f"unknown task {flags.task!r}; the catalog has {', '.join(catalog.TASKS)} (records with `inputs`, "
            "`targets` and `task` need no --task)"
        )
    for name in ("inputs_length", "targets_length"):
        if (getattr(flags, name) or 2) < 2:
            raise UserError(f"--{name}={getattr(flags, name)} leaves no room for a token and EOS; give 2 or more")
    return TaskSettings(flags.task, flags.inputs_length, flags.targets_length or DEFAULT_TARGETS_LENGTH)


@dataclass(frozen=True)
class Converted:
    """The results of all task files: the content of each `done.json`, all counters, and statistics per TASK-SPLIT."""

    done: Sequence[dict[str, Any]]
    counters: Counter[str]
    statistics: Mapping[str, dict[str, Any]]


def read_converted(job: TaskJob) -> Converted:
    """Read the results that the graph wrote to the work folder."""
    done = [read_done(job.done_path(task_file)) for task_file in job.task_files]
    counters = sum((Counter(result["counters"]) for result in done), Counter())
    return Converted(done, counters, _merge(done))


def _merge(done: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Statistics of each task and split, over all files."""
    merged: dict[str, dict[str, Any]] = {}
    for result in done:
        for name, found in result["splits"].items():
            known = merged.setdefault(name, {})
            for key, value in found.items():
                if key.startswith("longest_"):
                    known[key] = max(known.get(key, 0), value)
                elif isinstance(value, int):
                    known[key] = known.get(key, 0) + value
                elif isinstance(value, dict):
                    known[key] = dict(Counter(known.get(key, {})) + Counter(value))
                elif key in ("samples", "unwritable_samples"):
                    known[key] = (known.get(key, []) + value)[:5]
    return dict(sorted(merged.items()))


def write_reports(job: TaskJob, folder: OutputFolder, converted: Converted) -> None:
    """Write `quarantine.jsonl`, `report.json` and `report.html`.

    Raises: UserError if too many records could not be used, or if none became an example.
    """
    quarantine.write(str(folder), (row for result in converted.done for row in result["quarantined"]))
    report = {"counters": dict(sorted(converted.counters.items())), "splits": converted.statistics}
    content = json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    files.write_bytes(folder.file(REPORT), content.encode("utf-8", "replace"))
    subtitle = f"{len(job.task_files)} files, {converted.counters['records']:,} records"
    report_page.write(str(folder), lambda: task_page(converted.statistics, converted.counters, subtitle))
    counters = converted.counters
    quarantine.check(str(folder), counters, counters["records"], job.max_quarantined_fraction)
    if not converted.statistics:
        raise UserError(f"no record of {job.source} became an example; {folder.file(REPORT)} says why")


def publish(job: TaskJob, folder: OutputFolder, converted: Converted) -> dict[str, tuple[Shard, ...]]:
    """Copy the shards of all files, and the vocabulary, to the folder. Returns: TASK-SPLIT -> its shards.

    Raises: UserError if other files have these names.
    """
    parts: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for task_file, result in zip(job.task_files, converted.done, strict=True):
        made_in = job.done_path(task_file).rpartition("/")[0]
        for name, statistics in result["splits"].items():
            task = name.rpartition("-")[0]
            for split in _ALWAYS:
                parts.setdefault(f"{task}-{split}", [])
            parts.setdefault(name, []).append((files.join(made_in, f"{name}.arrow"), statistics))
    count = {name: max(len(of_name), 1) for name, of_name in parts.items()}
    folder.claim([names.example_shard(name, index, count[name]) for name in parts for index in range(count[name])])
    shards: dict[str, tuple[Shard, ...]] = {}
    for name in sorted(parts):
        made = []
        for index, (source, statistics) in enumerate(parts[name]):
            shard = names.example_shard(name, index, len(parts[name]))
            _copy(source, folder.file(shard))
            made.append(Shard(shard, statistics["rows"], files.size(folder.file(shard)), statistics["sha256"]))
        shards[name] = tuple(made) or (_empty_shard(job, name),)
    files.write_bytes(folder.file(MODEL_FILE), job.vocabulary.model)
    return shards


def _empty_shard(job: TaskJob, name: str) -> Shard:
    schema = ExampleSchema(
        job.settings.inputs_length,
        job.settings.targets_length,
        job.vocabulary.size,
        fixed_inputs=False,
        fixed_targets=False,
        task=True,
    )
    shard = names.example_shard(name, 0, 1)
    with ExampleShardWriter(files.join(job.output, shard), schema):
        pass
    return manifest.describe_shard(job.output, shard, 0)


def _copy(source: str, target: str) -> None:
    with files.open_for_reading(source) as reading, files.write_atomically(target) as writing:
        shutil.copyfileobj(reading, writing, 1 << 20)


def make_manifest(job: TaskJob, shards: Mapping[str, tuple[Shard, ...]], converted: Converted) -> Manifest:
    """The manifest of the finished folder."""
    longest = max(statistics["longest_targets"] for statistics in converted.statistics.values())
    return Manifest(
        kind="tasks",
        splits=shards,
        settings={**job.known_settings, "targets_length": job.targets_length or longest},
        inputs=job.inputs,
        assets=job.assets,
        statistics={
            "counters": dict(converted.counters),
            "splits": {name: _numbers(statistics) for name, statistics in converted.statistics.items()},
        },
    )


def _numbers(statistics: dict[str, Any]) -> dict[str, int]:
    return {key: value for key, value in statistics.items() if isinstance(value, int)}


def describe(made: Manifest) -> str:
    """The result in words: how many examples of how many tasks."""
    num_tasks = len({name.rpartition("-")[0] for name in made.splits})
    size = sum(shard.bytes for shards in made.splits.values() for shard in shards)
    return f"{made.statistics['counters']['examples']:,} examples of {num_tasks} tasks, {size / 1e6:,.1f} MB"


def left_out(converted: Converted) -> str:
    """The part of the last line about records and targets that are not, or not completely, in the examples."""
    return _left_out_records(converted.counters) + _unwritable_targets(converted.statistics)


def _left_out_records(counters: Mapping[str, int]) -> str:
    """The part of the last line about records that are not in the examples, and about examples without labels."""
    text = ""
    if count := counters.get("examples_without_label", 0):
        text += f"; {count:,} examples of test splits have no label, and are decoded without a score"
    for what, prefix in (("left out", "dropped_"), (f"in {QUARANTINE}", quarantine.PREFIX)):
        if reasons := quarantine.reasons(counters, prefix):
            text += f"; {what}: {reasons}"
    return text


def _unwritable_targets(statistics: Mapping[str, dict[str, Any]]) -> str:
    """The part of the last line about targets that no output can equal; empty if there are none."""
    splits = statistics.values()
    count = sum(split["unwritable_targets"] for split in splits)
    if not count:
        return ""
    sample = next(split["unwritable_samples"][0] for split in splits if split["unwritable_samples"])
    total = sum(split["rows"] for split in splits)
    return (
        f"; the vocabulary cannot write {count:,} of {total:,} targets exactly (such as {sample['target'][:60]!r}, "
        f"which becomes {sample['written'][:60]!r}), so scores compare with what it can write (see report.html)"
    )
