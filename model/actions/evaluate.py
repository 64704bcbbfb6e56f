"""What `evaluate` does after its flags are parsed."""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

import c4pipe
from c4pipe.command_line import stops_on_sigterm
from c4pipe.errors import UserError
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.results import SettingsResult
from c4pipe.progress import ProgressLine
from c4pipe.shards import files, manifest
from c4pipe.shards.stream.example_sources import Source
from c4pipe.tasks import submissions
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.catalog import build_model
from model.architectures.t5 import T5Model
from model.checkpoints import adapter_files, step_folder
from model.checkpoints.loading import find_checkpoint, split_name
from model.checkpoints.opening import OpenModel, files_digest, local, open_model, resolve_device
from model.checkpoints.run_folder import RunFolder, worth
from model.data.task_sources import task_sources
from model.evaluation import contamination
from model.evaluation.contamination import Contamination
from model.evaluation.scoring import Decoding, TaskScores, evaluate_sets, summary
from model.evaluation.submission_files import submission_files
from model.evaluation.task_sets import TaskSet, read_task_sets
from model.generation.watch import Watch
from model.training.computation import resolve_precision

METRICS_FILE = "metrics.json"
PREDICTIONS_FILE = "predictions.jsonl"
EACH = "each"


def perform(arguments: argparse.Namespace) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    began = time.monotonic()
    folder_here = local(arguments.checkpoint)
    if folder_here != arguments.checkpoint and not arguments.output:
        raise UserError(f"{arguments.checkpoint} is a model of the hub; give --output=DIR for the results")
    arguments.checkpoint = folder_here
    run_folder, _ = split_name(arguments.checkpoint)
    output = Path(arguments.output or Path(run_folder) / "evaluation")
    device = resolve_device(arguments.device)
    checkpoints = _checkpoints(arguments.checkpoint)
    sources = task_sources(arguments.tasks, arguments.split)
    leaks = Contamination.read(arguments.contamination, arguments.split) if arguments.contamination else None
    identity = _identity(arguments, checkpoints, sources)
    result = SettingsResult("evaluate", METRICS_FILE, identity, (PREDICTIONS_FILE,), submissions.FILE_NAMES)
    folder = OutputFolder(str(output), result, overwrite=arguments.overwrite)
    if folder.is_answered(arguments.dry_run, lambda: _plan(arguments, sources, checkpoints[0], device, output)):
        return 0
    with stops_on_sigterm(), folder.opened():
        model, vocabulary = _open(checkpoints[0], arguments.adapters, device)
        sets = _read_sets(arguments, sources, vocabulary)
        if leaks is not None:
            for task_set in sets:
                if task_set.keys is None:
                    leaks.check(task_set, all_examples=arguments.max_examples is None)
        total = sum(map(len, sets))
        found = _evaluate(model, vocabulary, sets, arguments, total)
        steps = dict.fromkeys((task_set.task.name for task_set in sets), checkpoints[0])
        for name in checkpoints[1:]:
            other = _evaluate(_open(name, arguments.adapters, device).model, vocabulary, sets, arguments, total)
            for index, (best, scored) in enumerate(zip(found, other, strict=True)):
                task = scored.task_set.task.name
                if _worth(scored.mean, name) > _worth(best.mean, steps[task]):
                    found[index], steps[task] = scored, name
        parts = contamination.split_scores(leaks, found) if leaks is not None else {}
        seconds = time.monotonic() - began
        chosen = {"chosen_checkpoints": steps} if len(checkpoints) > 1 else {}
        inputs = {name: getattr(arguments, name) for name in ("checkpoint", "adapters", "tasks")}
        more = {"settings": identity, "inputs": inputs, **chosen, "seconds": round(seconds, 1)}
        if leaks is not None:
            more["contamination"] = contamination.summary_of_parts(parts)
        submitted = _write(folder, more, found, vocabulary, arguments.seed)
    print(_table(found, {task: contamination.line_of_parts(of_task) for task, of_task in parts.items()}))
    written = ", ".join((str(output / METRICS_FILE), PREDICTIONS_FILE, *submitted))
    print(f"{total:,} examples in {seconds:.0f} s; {written} written")
    return 0


def _worth(score: float, checkpoint: str) -> tuple[float, float, int]:
    """The key by which the scores of checkpoints are compared: see `run_folder.worth`."""
    _, state = find_checkpoint(checkpoint)
    return worth({**state.line, **state.metrics, "step": state.step, "score": score}, "score", higher_is_better=True)


def _read_sets(arguments: argparse.Namespace, sources: Sequence[Source], vocabulary: Vocabulary) -> list[TaskSet]:
    sets = read_task_sets(
        sources,
        vocabulary,
        split=arguments.split,
        max_examples=arguments.max_examples,
        metrics=_own_metrics(arguments.metrics),
    )
    _print_unwritable(sets)
    return sets


def _plan(
    arguments: argparse.Namespace, sources: Sequence[Source], checkpoint: str, device: torch.device, output: Path
) -> str:
    """The output of `--dry_run`."""
    sets = _read_sets(arguments, sources, _open(checkpoint, arguments.adapters, device).vocabulary)
    names = ", ".join(task_set.task.name for task_set in sets)
    return f"would decode {sum(map(len, sets)):,} examples of {names} into {output}"


def _checkpoints(name: str) -> list[str]:
    """The checkpoints that a name means: a single one, or with `@each` all of a run."""
    folder, which = split_name(name)
    if which != EACH:
        return [name]
    steps = step_folder.steps(RunFolder(folder).checkpoints)
    if not steps:
        raise UserError(f"{folder} has no checkpoint yet; continue the run with --resume")
    return [f"{folder}@{step}" for step in steps]


def _open(name: str, adapters: str | None, device: torch.device) -> OpenModel:
    opened = open_model(name, device=device)
    return opened._replace(model=_adapted(opened.model, adapters)) if adapters else opened


def _adapted(base: T5Model, folder: str) -> T5Model:
    """The base model with the adapters in a folder.

    Raises: UserError if they were trained for another base model.
    """
    config, weights = adapter_files.load_onto(folder, base.config, dict(base.named_parameters()))
    model = build_model(config, seed=None, device=base.embedding.weight.device)
    model.load_state_dict(weights)
    return model.eval().requires_grad_(False)


def _evaluate(
    model: T5Model, vocabulary: Vocabulary, sets: Sequence[TaskSet], arguments: argparse.Namespace, total: int
) -> list[TaskScores]:
    decoding = Decoding(arguments.batch_size, arguments.num_beams, arguments.length_penalty, arguments.max_length)
    device = model.embedding.weight.device
    dtype = resolve_precision(arguments.precision, device)
    autocast = nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype=dtype)
    with ProgressLine("decoding", total, unit="examples") as progress, autocast:
        watch = Watch(advance=progress.advance)
        return evaluate_sets(model, vocabulary, sets, decoding, watch=watch)


def _identity(arguments: argparse.Namespace, checkpoints: Sequence[str], sources: Sequence[Source]) -> dict[str, Any]:
    """The values in `metrics.json` that decide the result. Inputs are identified by digest and not by path."""
    names = ("split", "num_beams", "length_penalty", "max_length", "max_examples", "metrics", "seed", "precision")
    adapters = arguments.adapters and files.join(arguments.adapters, adapter_files.WEIGHTS_FILE)
    leaks = arguments.contamination and files.join(arguments.contamination, contamination.RESULT)
    return {
        **({"contamination_sha256": files.sha256(leaks)} if leaks else {}),
        "weights_sha256": [files_digest(name) for name in checkpoints],
        "adapters_sha256": adapters and files.sha256(adapters),
        "selected": [source.split for source in sources],
        "manifests_sha256": [files.sha256(files.join(source.folder, manifest.FILE_NAME)) for source in sources],
        **{name: getattr(arguments, name) for name in names},
    }


def _own_metrics(text: str) -> dict[str, list[str]]:
    """
    >>> _own_metrics("mine:squad+rouge,other:bleu")
    {'mine': ['squad', 'rouge'], 'other': ['bleu']}
    """
    found = {}
    for part in filter(None, text.split(",")):
        task, colon, names = part.partition(":")
        if not (task and colon and names):
            raise UserError(f"--metrics: {part!r} is not TASK:METRIC+METRIC")
        found[task] = names.split("+")
    return found


def _print_unwritable(sets: Sequence[TaskSet]) -> None:
    for task_set in sets:
        name = task_set.task.name
        if task_set.num_unwritable:
            print(
                f"notice: the vocabulary cannot write the references of {task_set.num_unwritable:,} of the "
                f"{len(task_set):,} examples of {name} exactly; outputs are compared with the nearest text that it "
                "can write, and the score against the exact references is given in addition",
                file=sys.stderr,
            )
        if task_set.num_indistinct:
            print(
                f"notice: the vocabulary cannot tell {task_set.num_indistinct:,} texts of {name} apart (they "
                "become <unk>); outputs for these count as wrong; train a vocabulary that has their letters",
                file=sys.stderr,
            )


def _write(
    folder: OutputFolder,
    more: Mapping[str, Any],
    found: Sequence[TaskScores],
    vocabulary: Vocabulary,
    seed: int,
) -> list[str]:
    """Write the results. Returns: the names of the files for the servers of benchmarks."""
    lines = []
    for scored in found:
        task_set = scored.task_set
        keys = task_set.keys or [()] * len(task_set)
        examples = zip(task_set.inputs, task_set.references, keys, scored.outputs, strict=True)
        for ids, references, key, prediction in examples:
            line: dict[str, Any] = {
                "task": task_set.task.name,
                "inputs": vocabulary.decode(ids.tolist()),
                "prediction": prediction,
                "references": list(references),
            }
            if key:
                line["idx"] = list(key)
            written = [task_set.write(text) for text in references]
            if written != line["references"]:
                line["written_references"] = written
            lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    files.write_bytes(folder.file(PREDICTIONS_FILE), "".join(lines).encode())
    submitted = submission_files(found)
    for name, rows in submitted.items():
        files.write_bytes(folder.file(name), rows)
    with warnings.catch_warnings():
        # Some resamples of small sets have no example of a class, and scikit-learn warns each time.
        warnings.simplefilter("ignore")
        content = {
            **summary(found, seed=seed),
            **more,
            "version": c4pipe.__version__,
        }
    folder.commit((json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    return list(submitted)


def _table(found: Sequence[TaskScores], parts: Mapping[str, str]) -> str:
    """A line for each task. parts: task -> a line of its clean and contaminated examples, which follows."""
    rows = []
    for scored in found:
        head = f"{scored.task_set.task.name} [{len(scored.task_set)}]"
        if scored.task_set.keys is not None:
            rows.append(f"{head}: no labels, so predictions without a score")
            continue
        literal = {name: f" (literally {value:.2f})" for name, value in scored.literal_values.items()}
        scores = ", ".join(f"{name} {value:.2f}{literal.get(name, '')}" for name, value in scored.values.items())
        invalid = f" ({scored.invalid} outputs are not labels)" if scored.invalid else ""
        rows.append(f"{head}: {scores}{invalid}")
        if line := parts.get(scored.task_set.task.name):
            rows.append(f"  {line}")
    return "\n".join(rows)
