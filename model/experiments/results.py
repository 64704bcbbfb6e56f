"""Reads the results of finished nodes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from c4pipe.errors import UserError
from c4pipe.shards import json_files
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.checkpoints import adapter_files, step_folder
from model.checkpoints.loading import find_checkpoint
from model.checkpoints.run_folder import RunFolder
from model.evaluation.validation_score import NAME
from model.experiments.graph import METRICS_FILE, Cell, Graph, Node
from model.experiments.inputs import Column
from model.finetuning.catalog import METHODS
from model.finetuning.method import MethodSettings
from model.training.figures import metrics_log

Curve = tuple[tuple[int, float], ...]
_MEND = "remove its folder, and start the search again"


@dataclass(frozen=True)
class Scores:
    """What a search reads from an evaluation's `metrics.json`: task -> metric -> value, and benchmark -> average."""

    tasks: dict[str, dict[str, float]]
    averages: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """A cell of the table that is finished.

    score: on the validation split, of the best checkpoint. best_step: of it. pretraining: (step, validation loss).
    finetuning: (step, score). stored_bytes: of the files that a task needs in addition to the pre-trained model.
    seconds: of all steps, without evaluations.
    """

    row: str
    column: str
    seed: int
    learning_rate: float
    score: float
    best_step: int
    pretraining: Curve
    finetuning: Curve
    trained_parameters: int
    all_parameters: int
    stored_bytes: int
    pretraining_flops: float
    finetuning_flops: float
    pretraining_seconds: float
    finetuning_seconds: float


def read_results(graph: Graph, columns: Sequence[Column]) -> list[Result]:
    """The results of all cells whose evaluation is finished, in the order of the plan."""
    by_name = {column.name: column for column in columns}
    return [_result(cell, by_name[cell.column]) for cell in graph.cells if cell.evaluate.is_finished()]


def read_scores(folder: str) -> Scores:
    """The scores of a finished evaluation. Raises: UserError if they are damaged."""
    return json_files.read(str(Path(folder) / METRICS_FILE), Scores, _MEND, may_hold_more=True)


def _result(cell: Cell, column: Column) -> Result:
    last = cell.finetune or cell.pretrain
    assert last is not None
    scores = read_scores(cell.evaluate.folder)
    tasks = {name: sum(values.values()) / len(values) for name, values in scores.tasks.items() if values}
    if not tasks:
        raise UserError(f"the validation split of {cell.column} has no labels, so it cannot be a column")
    score = scores.averages[column.name] if column.is_benchmark else sum(tasks.values()) / len(tasks)
    run, state = find_checkpoint(last.folder)
    trained, total = _parameters(run.read())
    pretraining = _lines(cell.pretrain)
    finetuning = _lines(cell.finetune)
    return Result(
        row=cell.row,
        column=cell.column,
        seed=cell.seed,
        learning_rate=cell.learning_rate,
        score=score,
        best_step=state.step,
        pretraining=_curve(pretraining, "validation_loss"),
        finetuning=_curve(finetuning, NAME),
        trained_parameters=trained,
        all_parameters=total,
        stored_bytes=_stored_bytes(run, state.step),
        pretraining_flops=cell.pretrain.flops if cell.pretrain else 0.0,
        finetuning_flops=cell.finetune.flops if cell.finetune else 0.0,
        pretraining_seconds=sum(line.get("seconds", 0.0) for line in pretraining),
        finetuning_seconds=sum(line.get("seconds", 0.0) for line in finetuning),
    )


def _lines(node: Node | None) -> list[dict[str, Any]]:
    return metrics_log.read(RunFolder(node.folder).metrics) if node is not None else []


def _curve(lines: Sequence[dict[str, Any]], name: str) -> Curve:
    return tuple((line["step"], line[name]) for line in lines if line.get(name) is not None)


def _parameters(run: dict[str, Any]) -> tuple[int, int]:
    """(the number of parameters that train at any step, the number of all parameters) of a run."""
    config = ModelConfig.from_json(run["model"])
    sizes = {name: parameter.numel() for name, parameter in build_model(config, device="meta").named_parameters()}
    if "method" not in run:
        return sum(sizes.values()), sum(sizes.values())
    settings = MethodSettings(config.adapter_size, run["settings"]["steps"])
    # All parameters that train at any step also train at the last step.
    trains = METHODS[run["method"]].trains(config, list(sizes), settings, settings.steps)
    return sum(size for name, size in sizes.items() if trains is None or name in trains), sum(sizes.values())


def _stored_bytes(run: RunFolder, step: int) -> int:
    adapters = [run.path / name for name in (adapter_files.WEIGHTS_FILE, adapter_files.DESCRIPTION_FILE)]
    if all(path.exists() for path in adapters):
        return sum(path.stat().st_size for path in adapters)
    return sum(path.stat().st_size for path in step_folder.model_files(run.of_step(step)))
