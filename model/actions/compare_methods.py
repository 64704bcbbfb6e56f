"""What `compare_methods` does after its flags are parsed."""

import argparse
import contextlib
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from c4pipe.command_line import Parser
from c4pipe.errors import UserError
from c4pipe.folders import names
from c4pipe.folders.lock import made_and_locked
from c4pipe.progress import duration
from c4pipe.shards import files
from c4pipe.shards.stream.example_sources import Source
from c4pipe.split_names import TRAIN, VALIDATION
from model.checkpoints import adapter_files, step_folder
from model.checkpoints.loading import find_checkpoint
from model.checkpoints.run_folder import RunFolder, worth
from model.data.task_sources import each_task, task_sources
from model.evaluation import baselines, comparison
from model.evaluation.comparison import Result, read_lines
from model.evaluation.task_sets import read_task_sets
from model.evaluation.validation_score import NAME
from model.finetuning.base import Base, open_base
from model.finetuning.catalog import METHODS
from model.finetuning.method import MethodSettings
from model.finetuning.variants import FROM_SCRATCH, parse_rates
from model.training.flags import add_training_flags
from model.training.settings import TrainingSettings

Finetune = Callable[[list[str]], int]

JSON_FILE = "comparison.json"
PAGE_FILE = "comparison.html"
# Training flags that this command sets itself, or that do not apply to a series of runs.
_OWN = ("seed", "learning_rate", "resume", "dry_run", "track")


def perform(arguments: argparse.Namespace, finetune: Finetune) -> int:
    """Do what the flags ask for. finetune: a function that runs model.finetune with flags. Returns: the exit status."""
    began = time.monotonic()
    variants = [name for name in arguments.methods.split(",") if name]
    rates = parse_rates(arguments.rates)
    base = open_base(arguments.checkpoint)
    tasks = _tasks(arguments.tasks)
    planned = [
        (task, source, variant, seed)
        for task, source in tasks.items()
        for variant in variants
        for seed in range(arguments.seed, arguments.seed + arguments.seeds)
    ]
    if arguments.dry_run:
        print(
            f"would fine-tune {len(planned)} times: tasks {', '.join(tasks)}; methods {', '.join(variants)}; "
            f"{arguments.seeds} seeds; rates: {_rates_in_words(rates, variants)}"
        )
        return 0
    if unnamed := [name for name in variants if f"{name}:" not in arguments.rates]:
        print(
            f"notice: default learning rates, not chosen for these tasks: {_rates_in_words(rates, unnamed)}; "
            "--rates=METHOD:RATE+RATE tries several rates per task and keeps the best",
            file=sys.stderr,
        )
    with _locked_output(Path(arguments.output)):
        results = _compare(arguments, finetune, planned, rates, base)
    if results is None:
        return 0
    for task in tasks:
        cells = ", ".join(
            f"{variant} {comparison.spread([result.score for result in group])}"
            for variant, group in comparison.by_variant(results, task).items()
        )
        print(f"{task}: {cells}")
    print(f"{len(results)} runs, {duration(time.monotonic() - began)}; {Path(arguments.output) / PAGE_FILE} written")
    return 0


@contextlib.contextmanager
def _locked_output(output: Path) -> Iterator[None]:
    """Lock the folder against other runs.

    Raises: UserError if another run uses it, or if it has files with this command's names that the command did not
    write.
    """
    with made_and_locked(str(output), "compare_methods"):
        if not comparison.is_ours(output / JSON_FILE):
            names.refuse_others(str(output), names.matching(str(output), (JSON_FILE, PAGE_FILE)))
        yield


def _compare(
    arguments: argparse.Namespace,
    finetune: Finetune,
    planned: Sequence[tuple[str, Source, str, int]],
    rates: Mapping[str, Sequence[float]],
    base: Base,
) -> list[Result] | None:
    """Do the planned runs and write the page. Returns: the results; None if a signal stopped a run."""
    results: list[Result] = []
    references: dict[str, dict[str, float]] = {}
    chosen: dict[tuple[str, str], float] = {}
    for number, (task, source, variant, seed) in enumerate(planned, 1):
        print(f"run {number} of {len(planned)}: {task}, {variant}, seed {seed}", file=sys.stderr, flush=True)
        candidates = (chosen[task, variant],) if (task, variant) in chosen else rates[variant]
        tried: list[Result] = []
        for rate in candidates:
            folder = _folder(arguments, task, variant, seed, rate, rates)
            if _run(arguments, finetune, task, source, variant, seed, rate, folder):
                print(f"stopped in {folder}; the same command continues there")
                return None
            tried.append(_result(task, variant, seed, folder, base, rate))
        best = max(tried, key=lambda result: result.score)
        chosen[task, variant] = best.learning_rate
        results.append(best)
        if task not in references:
            references[task] = _baseline_scores(task, source, base, arguments.validation_examples)
        # The files are written after every run, so that results can be read early.
        _write(arguments, rates, results, references)
    return results


def _folder(
    arguments: argparse.Namespace,
    task: str,
    variant: str,
    seed: int,
    rate: float,
    rates: Mapping[str, Sequence[float]],
) -> Path:
    """The folder of a run. If there are several rates, each has its own folder."""
    of_variant = Path(arguments.output) / "runs" / task / variant
    return (of_variant / f"rate-{rate:g}" if len(rates[variant]) > 1 else of_variant) / f"seed-{seed}"


def _rates_in_words(rates: Mapping[str, Sequence[float]], variants: Sequence[str]) -> str:
    return ", ".join(f"{name} {' or '.join(f'{rate:g}' for rate in rates[name])}" for name in variants)


def _tasks(text: str) -> dict[str, Source]:
    """Every task by name, with its source."""
    tasks: dict[str, Source] = {}
    for source in task_sources(text, TRAIN):
        for name, member in each_task(source, TRAIN):
            if name in tasks:
                raise UserError(f"two folders hold the task {name}; compare one folder at a time")
            tasks[name] = member
    return tasks


def _run(
    arguments: argparse.Namespace,
    finetune: Finetune,
    task: str,
    source: Source,
    variant: str,
    seed: int,
    rate: float,
    folder: Path,
) -> bool:
    """Start or continue a fine-tuning, unless it is finished. Returns: whether a signal stopped it."""
    flags = [
        f"--checkpoint={arguments.checkpoint}",
        f"--tasks={source.folder}@{task}",
        f"--output={folder}",
        f"--method={'all_parameters' if variant == FROM_SCRATCH else variant}",
        f"--adapter_size={arguments.adapter_size}",
        f"--dropout_rate={arguments.dropout_rate}",
        f"--validation_examples={arguments.validation_examples}",
        f"--learning_rate={rate}",
        f"--seed={seed}",
        "--resume",
        *(["--from_scratch"] if variant == FROM_SCRATCH else []),
        *_training_flags(arguments),
    ]
    finetune(flags)
    return RunFolder(str(folder)).read()["status"] != "finished"


def _training_flags(arguments: argparse.Namespace) -> list[str]:
    """The training flags of this command, to be passed to each run."""
    template = Parser()
    add_training_flags(template, TrainingSettings())
    flags = []
    for action in template._actions:
        name = action.dest
        value = getattr(arguments, name, None)
        if name in (*_OWN, "help") or value is None or value is False:
            continue
        flags.append(f"--{name}" if value is True else f"--{name}={value}")
    return flags


def _result(task: str, variant: str, seed: int, folder: Path, base: Base, rate: float) -> Result:
    """The result of a finished run."""
    lines = read_lines(folder)
    scored = [line for line in lines if line.get(NAME) is not None]
    curve = tuple((line["step"], line[NAME]) for line in scored)
    if not curve:
        raise UserError(f"{task} has no validation examples for the comparison; make its folder again with some")
    best = max(scored, key=lambda line: worth(line, NAME, higher_is_better=True))
    step, score = best["step"], best[NAME]
    timed = [line["seconds"] / taken for line, taken in _steps_taken(lines)]
    run_folder, state = find_checkpoint(str(folder))
    weights = step_folder.read_weights(run_folder.of_step(state.step))
    method = METHODS["all_parameters" if variant == FROM_SCRATCH else variant]
    content = run_folder.read()
    settings = MethodSettings(content["model"]["adapter_size"], content["settings"]["steps"])
    config = base.checkpoint.config.with_(**content["model"])
    # All parameters that train at any step also train at the last step.
    trained = method.trains(config, list(weights), settings, settings.steps)
    files_of_adapters = (adapter_files.WEIGHTS_FILE, adapter_files.DESCRIPTION_FILE)
    stored = (
        sum((folder / name).stat().st_size for name in files_of_adapters)
        if variant == "adapters"
        else sum(path.stat().st_size for path in step_folder.model_files(run_folder.of_step(state.step)))
    )
    return Result(
        task=task,
        variant=variant,
        seed=seed,
        score=score,
        best_step=step,
        curve=curve,
        trained_parameters=sum(
            tensor.numel() for name, tensor in weights.items() if trained is None or name in trained
        ),
        all_parameters=sum(tensor.numel() for tensor in weights.values()),
        stored_bytes=stored,
        seconds_a_step=statistics.median(timed) if timed else 0.0,
        learning_rate=rate,
    )


def _steps_taken(lines: Sequence[dict]) -> list[tuple[dict, int]]:
    """The lines that have a number of seconds, each with the number of steps in that time."""
    before, found = 0, []
    for line in lines:
        if "seconds" in line and line["step"] > before:
            found.append((line, line["step"] - before))
        before = line["step"]
    return found


def _baseline_scores(task: str, source: Source, base: Base, max_examples: int) -> dict[str, float]:
    """The scores of the most frequent label and of a logistic regression, for a task with labels."""
    (train,) = read_task_sets([source], base.vocabulary, split=TRAIN)
    held_out = replace(source, split=f"{task}-{VALIDATION}")
    (validation,) = read_task_sets([held_out], base.vocabulary, split=VALIDATION, max_examples=max_examples)
    if not train.task.labels:
        return {}
    return {
        "majority": baselines.majority_score(train, validation),
        "tf_idf_logistic_regression": baselines.logistic_regression_score(train, validation, base.vocabulary),
    }


def _write(
    arguments: argparse.Namespace,
    rates: Mapping[str, Sequence[float]],
    results: Sequence[Result],
    references: dict[str, dict[str, float]],
) -> None:
    output = Path(arguments.output)
    text = comparison.to_json(results, references, FROM_SCRATCH)
    _write_if_new(output / JSON_FILE, text)
    subtitle = (
        f"{len(results)} runs of {arguments.steps:,} steps of {arguments.batch_size} examples from "
        f"{files.base_name(arguments.checkpoint)}; mean and 95% interval (Student's t) over seeds of the best score on "
        f"at most {arguments.validation_examples:,} validation examples, which also chose the checkpoint; rates: "
        + _rates_in_words(rates, list(dict.fromkeys(result.variant for result in results))).replace("_", " ")
    )
    _write_if_new(output / PAGE_FILE, comparison.page(results, references, FROM_SCRATCH, subtitle))


def _write_if_new(path: Path, text: str) -> None:
    """Write a file, unless it already has this content."""
    if not path.exists() or path.read_bytes() != text.encode():
        files.write_bytes(str(path), text.encode())
