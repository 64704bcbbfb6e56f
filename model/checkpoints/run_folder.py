"""The folder of a run: `run.json`, `metrics.jsonl`, `spiece.model`, `checkpoints/step-00001000/`, `run.html`."""

import contextlib
import json
import math
import shutil
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from c4pipe import checked_json
from c4pipe.checked_json import Count, between
from c4pipe.errors import UserError
from c4pipe.folders import names
from c4pipe.folders.lock import made_and_locked
from c4pipe.shards import files
from c4pipe.shown import scrubbed
from model.checkpoints import adapter_files, step_folder
from model.checkpoints.step_folder import State

RUN_FILE = "run.json"
METRICS_FILE = "metrics.jsonl"
VOCABULARY_FILE = "spiece.model"
PAGE_FILE = "run.html"
CHECKPOINTS = "checkpoints"

# Patterns for the names of all files that trainers write there.
NAMES = (
    *(RUN_FILE, METRICS_FILE, VOCABULARY_FILE, PAGE_FILE, CHECKPOINTS, "non_finite-step-*.json"),
    *(adapter_files.WEIGHTS_FILE, adapter_files.DESCRIPTION_FILE),
)

RUNNING, FINISHED = "running", "finished"


@dataclass(frozen=True)
class _BestMetric:
    name: str
    higher_is_better: bool


@dataclass(frozen=True)
class _Settings:
    steps: Count


@dataclass(frozen=True)
class _RunFile:
    """The fields of `run.json` that are read here; it has more."""

    model: Mapping[str, Any]
    status: Literal["running", "finished"] = "running"
    settings: _Settings | None = None
    num_extra_ids: Annotated[int, between(0, 1 << 20)] | None = None
    best_metric: _BestMetric | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)


def worth(figures: Mapping[str, Any], metric: str, *, higher_is_better: bool) -> tuple[float, float, int]:
    """The key by which figures of steps are compared: the better metric, then the lower loss, then the later step.

    The loss is the validation loss if there is one, else the mean training loss since the line before.

    >>> worth({"step": 3, "score": 80.0, "mean_loss": 0.5}, "score", higher_is_better=True)
    (80.0, -0.5, 3)
    """
    loss = next((figures[name] for name in ("validation_loss", "mean_loss") if figures.get(name) is not None), math.inf)
    return (figures[metric] if higher_is_better else -figures[metric]), -loss, figures["step"]


class RunFolder:
    """The folder of a run and the files in it.

    `run.json` has `status` (`running` or `finished`), `model` (ModelConfig), `settings` (those that decide the
    result), `num_extra_ids`, and fields that the command adds.
    """

    def __init__(self, path: str) -> None:
        if files.is_remote(path):
            raise UserError(f"a run folder must be on a local or mounted disk, not {path}; copy it there afterwards")
        self.path = Path(path)
        self.checkpoints = self.path / CHECKPOINTS
        self.metrics = self.path / METRICS_FILE
        self.page = self.path / PAGE_FILE

    def __str__(self) -> str:
        return str(self.path)

    @contextlib.contextmanager
    def locked(self, command: str) -> Iterator[None]:
        """Lock the folder against other runs. A new folder that stays empty is removed again.

        Raises: UserError if another run uses it, if it has files with a run's names that no run wrote, or if it is not
        writable.
        """
        with made_and_locked(str(self.path), command):
            if not self.holds_a_run():
                names.refuse_others(str(self.path), names.matching(str(self.path), NAMES))
            yield

    def holds_a_run(self) -> bool:
        return (self.path / RUN_FILE).exists()

    def read(self) -> dict[str, Any]:
        """The content of `run.json`.

        Raises: UserError if it is missing or damaged.
        """
        file = self.path / RUN_FILE
        try:
            content = checked_json.parse_any(file.read_bytes())
            checked_json.convert(content, _RunFile, may_hold_more=True)
            return content
        except FileNotFoundError:
            raise UserError(f"{self.path} holds no run ({RUN_FILE} is missing); check the path") from None
        except (OSError, ValueError) as error:
            raise UserError(f"{file} is damaged ({error}); restore it, or start a run in another folder") from error

    def write(self, content: Mapping[str, Any]) -> None:
        """Write `run.json`, completely or not at all."""
        text = json.dumps(scrubbed(dict(content)), indent=1, ensure_ascii=False)
        files.write_bytes(str(self.path / RUN_FILE), (text + "\n").encode())

    def write_vocabulary(self, model: bytes) -> None:
        """Store the vocabulary in the run, so that the run does not depend on another folder."""
        files.write_bytes(str(self.path / VOCABULARY_FILE), model)

    def states(self) -> list[State]:
        """The states of all checkpoints, by step. Those that cannot be read are skipped with a warning."""
        found = []
        for step in step_folder.steps(self.checkpoints):
            try:
                found.append(step_folder.read_state(self.of_step(step)))
            except step_folder.READ_ERRORS as error:
                warnings.warn(f"the checkpoint {self.of_step(step)} is skipped: {error}", stacklevel=2)
        return found

    def of_step(self, step: int) -> Path:
        """The folder of the checkpoint of a step."""
        return self.checkpoints / step_folder.name_of(step)

    def newest_whole(self, *, set_aside: bool = False) -> State | None:
        """The newest intact checkpoint, or None. Damaged ones are skipped with a warning.

        set_aside: also rename the damaged ones, because the run continues and will write those steps again.
        """
        for step in reversed(step_folder.steps(self.checkpoints)):
            folder = self.of_step(step)
            fault = step_folder.fault(folder)
            if fault is None:
                return step_folder.read_state(folder)
            warnings.warn(f"the checkpoint {folder} is skipped: {fault}", stacklevel=2)
            if set_aside:
                step_folder.set_aside(folder)
        return None

    def best(self, metric: str, *, higher_is_better: bool) -> State | None:
        """The checkpoint with the best value of a metric (see `worth`); None if no checkpoint has the metric."""
        scored = [state for state in self.states() if metric in state.metrics]
        figures = {state.step: {**state.line, **state.metrics, "step": state.step} for state in scored}
        return max(
            scored,
            key=lambda state: worth(figures[state.step], metric, higher_is_better=higher_is_better),
            default=None,
        )

    def prune(self, keep: int, metric: str, *, higher_is_better: bool) -> None:
        """Remove all checkpoints except the newest `keep` and the best."""
        best = self.best(metric, higher_is_better=higher_is_better)
        spared = set(step_folder.steps(self.checkpoints)[-keep:]) | ({best.step} if best else set())
        for step in step_folder.steps(self.checkpoints):
            if step not in spared:
                step_folder.remove(self.of_step(step))

    def clear_unfinished(self) -> None:
        """Remove the temporary files that a killed run left behind."""
        for folder, patterns in ((self.path, NAMES), (self.checkpoints, ("step-*",))):
            for name in names.temporaries(str(folder), patterns):
                target = folder / name
                shutil.rmtree(target, ignore_errors=True) if target.is_dir() else files.remove(str(target))
