"""Make example shards of tasks: text in, text out, with the references that scoring needs.

    python -m pipelines.tasks_to_examples --input='tasks/*.jsonl' --vocabulary=vocabulary --output=task_examples

Input is JSON lines (.jsonl, .json, also .gz and .zst), TSV with a header, or Parquet. Records with `inputs`, `targets`
and `task` are taken as they are, for any task of your own; raw records of a task of the catalog need --task. `hf:PATH`
instead of files reads a data set by the Hugging Face `datasets` package. An example goes where its record's `split`
says (train, validation, test), else one in ten, by a hash of its inputs, validates.

    -> TASK-train-*.arrow TASK-validation-*.arrow manifest.json report.json report.html quarantine.jsonl spiece.model
"""

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from c4pipe.command_line import Parser, run
from c4pipe.errors import UserError
from c4pipe.folders.kinds import QUARANTINE
from c4pipe.report.task_page import task_page
from c4pipe.shards import files, manifest, names
from c4pipe.shards.example_shards import ExampleShardWriter
from c4pipe.shards.manifest import Input, Manifest, Shard
from c4pipe.shards.reading import kinds
from c4pipe.shards.schemas import ExampleSchema
from c4pipe.stages.write_task_examples import TaskFile, TaskSettings, WriteTaskExamples, done_path
from c4pipe.tasks import catalog, hugging_face
from c4pipe.vocabulary.vocabulary import MODEL_FILE, Vocabulary
from pipelines.launch import beam_options, quarantine, task_inputs
from pipelines.launch.progress import Progress

WORK_FOLDER = ".work"
DEFAULT_TARGETS_LENGTH = 512
_ALWAYS = ("train", "validation")


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.tasks_to_examples", description=__doc__)
    parser.add_argument(
        "--input",
        required=True,
        metavar="PATH[@SPLIT],...",
        help=f"globs of files ({kinds.IN_WORDS}), or hf:PATH; SPLIT where a file's name does not tell it",
    )
    parser.add_argument("--vocabulary", required=True, help="folder with spiece.model")
    parser.add_argument("--output", required=True, help="folder for the shards")
    parser.add_argument("--task", default="", help=f"what raw records are: {' '.join(catalog.TASKS)}")
    parser.add_argument("--inputs_length", type=int, default=512, help="tokens, EOS included; longer inputs are cut")
    parser.add_argument("--targets_length", type=int, help="the same for targets (the longest that occur, 512 at most)")
    parser.add_argument("--num_extra_ids", type=int, help="sentinels of the vocabulary, where its folder does not tell")
    parser.add_argument("--max_quarantined_fraction", type=float, default=0.01, help="more than this is an error")
    parser.add_argument("--overwrite", action="store_true", help="replace another result in the output folder")
    parser.add_argument("--dry_run", action="store_true", help="say what would be done")
    return parser


def main(argv: list[str] | None = None) -> int:
    started = time.monotonic()
    flags, options = beam_options.parse(parser(), argv)
    settings = _settings(flags)
    vocabulary = Vocabulary.load(flags.vocabulary, flags.num_extra_ids)
    task_files = task_inputs.task_files(flags.input)
    asked = _manifest_settings(settings, vocabulary, flags.targets_length)
    if _is_finished(flags.output, asked, task_files, vocabulary, flags.overwrite):
        print(f"{flags.output} is finished already; nothing to do")
        return 0
    if flags.dry_run:
        return _describe(flags.output, task_files)
    if not beam_options.is_local(options) and not files.is_remote(flags.output):
        raise UserError(f"{flags.output} is a local folder, which workers of a cluster do not share; give a URL")
    work_dir = files.join(flags.output, WORK_FOLDER)
    _convert_all(task_files, settings, vocabulary, work_dir, options)
    done = [_read_done(task_file, settings, vocabulary, work_dir) for task_file in task_files]
    counters = sum((Counter(one["counters"]) for one in done), Counter())
    _write_quarantine(flags.output, done)
    statistics = _merge(done)
    subtitle = f"{len(task_files)} files, {counters['records']:,} records"
    _write_reports(flags.output, statistics, counters, subtitle)
    _check_quarantine(flags, counters)
    if not statistics:
        raise UserError(f"no record of {flags.input} became an example; {flags.output}/report.json says why")
    shards = _publish(flags.output, task_files, done, settings, vocabulary, work_dir)
    files.write_bytes(files.join(flags.output, MODEL_FILE), vocabulary.model)
    longest = max(one["longest_targets"] for one in statistics.values())
    manifest.write(
        flags.output,
        Manifest(
            kind="tasks",
            splits=shards,
            settings={**asked, "targets_length": flags.targets_length or longest},
            inputs=tuple(Input(one.name, one.sha256) for one in task_files),
            assets=_assets(flags.output),
            statistics={
                "counters": dict(counters),
                "splits": {name: _numbers(statistics[name]) for name in statistics},
            },
        ),
    )
    _remove_folder(work_dir)
    num_bytes = sum(shard.bytes for of_split in shards.values() for shard in of_split)
    print(
        f"{counters['examples']:,} examples of {len({name.rpartition('-')[0] for name in shards})} tasks, "
        f"{num_bytes / 1e6:,.1f} MB, in {flags.output} after {time.monotonic() - started:.0f} s"
        f"{_what_was_left_out(counters)}{_what_cannot_be_written(statistics)}; next: "
        f"python -m model.finetune --checkpoint=RUN --tasks={flags.output} --output=FINETUNED"
    )
    return 0


def _what_was_left_out(counters: Mapping[str, int]) -> str:
    """What the last line says of records that are not among the examples, and of examples without a label."""
    said = ""
    if count := counters.get("examples_without_label", 0):
        said += f"; {count:,} examples of test splits have no label, and are decoded without a score"
    for what, prefix in (("left out", "dropped_"), (f"in {QUARANTINE}", quarantine.PREFIX)):
        if reasons := quarantine.reasons(counters, prefix):
            said += f"; {what}: {reasons}"
    return said


def _what_cannot_be_written(statistics: dict[str, dict[str, Any]]) -> str:
    """What the last line says of targets that no output can equal; nothing where there are none."""
    count = sum(one["unwritable_targets"] for one in statistics.values())
    if not count:
        return ""
    sample = next(one["unwritable_samples"][0] for one in statistics.values() if one["unwritable_samples"])
    total = sum(one["rows"] for one in statistics.values())
    return (
        f"; the vocabulary cannot write {count:,} of {total:,} targets as they are (such as {sample['target'][:60]!r}, "
        f"which becomes {sample['written'][:60]!r}), so scores compare what it can write (see report.html)"
    )


def _settings(flags) -> TaskSettings:
    if flags.task and flags.task not in catalog.TASKS:
        raise UserError(
            f"unknown task {flags.task!r}; the catalog has {', '.join(catalog.TASKS)} (records with `inputs`, "
            "`targets` and `task` need no --task)"
        )
    for name in ("inputs_length", "targets_length"):
        if (getattr(flags, name) or 2) < 2:
            raise UserError(f"--{name}={getattr(flags, name)} leaves no room for a token and EOS; give 2 or more")
    if not 0 <= flags.max_quarantined_fraction <= 1:
        raise UserError(f"--max_quarantined_fraction={flags.max_quarantined_fraction} is no share; give 0 to 1")
    return TaskSettings(flags.task, flags.inputs_length, flags.targets_length or DEFAULT_TARGETS_LENGTH)


def _manifest_settings(settings: TaskSettings, vocabulary: Vocabulary, asked_length: int | None) -> dict[str, Any]:
    return {
        **asdict(settings),
        "asked_targets_length": asked_length,
        "vocabulary_size": vocabulary.size,
        "num_extra_ids": vocabulary.num_extra_ids,
    }


def _is_finished(
    output: str, asked: dict[str, Any], task_files: list[TaskFile], vocabulary: Vocabulary, overwrite: bool
) -> bool:
    """Whether the folder holds this very result.

    Raises: UserError where it holds another, unless that may be overwritten.
    """
    if not manifest.exists(output):
        return False
    held = manifest.read(output)
    model_path = files.join(output, MODEL_FILE)
    free = {"targets_length"}
    differing = [name for name in asked if name not in free and held.settings.get(name) != asked[name]]
    if held.kind != "tasks":
        differing.append("kind")
    if [(one.name, one.sha256) for one in held.inputs] != [(one.name, one.sha256) for one in task_files]:
        differing.append("inputs")
    if not files.exists(model_path) or files.read_bytes(model_path) != vocabulary.model:
        differing.append("vocabulary")
    there = set(files.list_folder(output))
    if any(shard.file not in there for of_split in held.splits.values() for shard in of_split):
        differing.append("missing shards")
    if differing and not overwrite:
        raise UserError(
            f"{output} holds another result (other {', '.join(differing)}); choose another --output or give --overwrite"
        )
    if differing:
        files.remove(files.join(output, manifest.FILE_NAME))
    return not differing


def _describe(output: str, task_files: list[TaskFile]) -> int:
    sizes = [files.size(one.path) for one in task_files if not one.path.startswith(hugging_face.PREFIX)]
    for task_file in task_files:
        print(task_file.path)
    # Measured: 2.4 MB of JSON lines a second and core, 0.35 bytes of shards a byte.
    print(
        f"{len(task_files)} files, {sum(sizes) / 1e6:,.1f} MB, would become about {0.35 * sum(sizes) / 1e6:,.1f} MB of "
        f"shards in {output}, in about {3 + sum(sizes) / 2.4e6:,.0f} s of one core"
    )
    return 0


def _convert_all(
    task_files: list[TaskFile],
    settings: TaskSettings,
    vocabulary: Vocabulary,
    work_dir: str,
    options: PipelineOptions,
) -> None:
    missing = [one for one in task_files if not files.exists(done_path(one, settings, vocabulary, work_dir))]
    if not missing:
        return

    def build(pipeline: beam.Pipeline) -> None:
        (
            pipeline
            | "TaskFiles" >> beam.Create(missing)
            | "WriteTaskExamples" >> WriteTaskExamples(settings, vocabulary, work_dir)
        )

    def look() -> tuple[int, int, str]:
        done = sum(files.exists(done_path(one, settings, vocabulary, work_dir)) for one in missing)
        return done, len(missing), f"{done} of {len(missing)} task files"

    with Progress("tasks", look):
        beam_options.run(build, options)


def _read_done(task_file: TaskFile, settings: TaskSettings, vocabulary: Vocabulary, work_dir: str) -> dict[str, Any]:
    return json.loads(files.read_bytes(done_path(task_file, settings, vocabulary, work_dir)))


def _merge(done: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Statistics of every task and split over all files."""
    merged: dict[str, dict[str, Any]] = {}
    for one in done:
        for name, found in one["splits"].items():
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


def _numbers(statistics: dict[str, Any]) -> dict[str, int]:
    return {key: value for key, value in statistics.items() if isinstance(value, int)}


def _write_quarantine(output: str, done: Iterable[dict[str, Any]]) -> None:
    rows = [json.dumps(row, ensure_ascii=False) + "\n" for one in done for row in one["quarantined"]]
    files.write_bytes(files.join(output, "quarantine.jsonl"), "".join(rows).encode("utf-8", "replace"))


def _write_reports(output: str, statistics: dict[str, Any], counters: Counter[str], subtitle: str) -> None:
    report = {"counters": dict(sorted(counters.items())), "splits": statistics}
    content = json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    files.write_bytes(files.join(output, "report.json"), content.encode("utf-8", "replace"))
    page = task_page(statistics, counters, subtitle)
    files.write_bytes(files.join(output, "report.html"), page.encode("utf-8", "replace"))


def _check_quarantine(flags, counters: Counter[str]) -> None:
    quarantined = sum(count for name, count in counters.items() if name.startswith("quarantined_"))
    if quarantined > flags.max_quarantined_fraction * counters["records"]:
        reasons = ", ".join(
            f"{name[12:]} {count}" for name, count in counters.items() if name.startswith("quarantined_")
        )
        raise UserError(
            f"{quarantined} of {counters['records']} records could not be taken ({reasons}); see "
            f"{files.join(flags.output, 'quarantine.jsonl')}, or raise --max_quarantined_fraction"
        )


def _publish(
    output: str,
    task_files: list[TaskFile],
    done: list[dict[str, Any]],
    settings: TaskSettings,
    vocabulary: Vocabulary,
    work_dir: str,
) -> dict[str, tuple[Shard, ...]]:
    """Give every file's shards their names in the output folder. Returns: TASK-SPLIT -> its shards."""
    parts: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for task_file, one in zip(task_files, done, strict=True):
        folder = files.join(work_dir, task_file.fingerprint(settings, vocabulary))
        for name, statistics in one["splits"].items():
            task = name.rpartition("-")[0]
            for split in _ALWAYS:
                parts.setdefault(f"{task}-{split}", [])
            parts.setdefault(name, []).append((files.join(folder, f"{name}.arrow"), statistics))
    _remove_other_shards(output)
    shards: dict[str, tuple[Shard, ...]] = {}
    for name in sorted(parts):
        made = []
        for index, (source, statistics) in enumerate(parts[name]):
            shard = names.example_shard(name, index, len(parts[name]))
            _copy(source, files.join(output, shard))
            made.append(Shard(shard, statistics["rows"], files.size(files.join(output, shard)), statistics["sha256"]))
        shards[name] = tuple(made) or (_empty_shard(output, name, settings, vocabulary),)
    return shards


def _empty_shard(output: str, name: str, settings: TaskSettings, vocabulary: Vocabulary) -> Shard:
    schema = ExampleSchema(
        settings.inputs_length,
        settings.targets_length,
        vocabulary.size,
        fixed_inputs=False,
        fixed_targets=False,
        task=True,
    )
    shard = names.example_shard(name, 0, 1)
    with ExampleShardWriter(files.join(output, shard), schema):
        pass
    return manifest.describe_shard(output, shard, 0)


def _remove_other_shards(output: str) -> None:
    """Shards that an earlier, unfinished run gave names that this one may not use."""
    for name in files.list_folder(output):
        parsed = names.parse(name)
        if parsed is not None and parsed[3] == ".arrow":
            files.remove(files.join(output, name))


def _copy(source: str, target: str) -> None:
    with files.open_for_reading(source) as reading, files.write_atomically(target) as writing:
        shutil.copyfileobj(reading, writing, 1 << 20)


def _assets(output: str) -> dict[str, str]:
    return {MODEL_FILE: files.sha256(files.join(output, MODEL_FILE))}


def _remove_folder(folder: str) -> None:
    if files.is_remote(folder):
        fs, inner = files.file_system(folder)
        fs.rm(inner, recursive=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    run(main)
