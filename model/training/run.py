"""A run from its opening to its page: what pre-training and fine-tuning have in common around the loop."""

import platform
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

import c4pipe
from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.checkpoints.run_folder import FINISHED, RUNNING, RunFolder
from model.training import metrics_log
from model.training.non_finite import Describe, stop
from model.training.run_page import write_page
from model.training.settings import BestMetric, TrainingSettings
from model.training.trainer import NonFiniteLoss, Outcome, Trainer
from model.training.world import was_restarted


@dataclass(frozen=True)
class Run:
    """What a command wants to run, and where.

    identity: what must be equal for a folder's run to be this one (data, model, ...), beside the settings; it goes into
    `run.json`. notes: what goes there too, but may differ.
    """

    folder: RunFolder
    settings: TrainingSettings
    identity: Mapping[str, Any]
    notes: Mapping[str, Any]
    best: BestMetric
    vocabulary: Vocabulary

    def is_finished(self) -> bool:
        """Whether the folder holds this run, done. All ranks ask before they meet, so a finished run costs nothing.

        Raises: UserError where the folder holds another run.
        """
        if not self.folder.holds_a_run():
            return False
        held = self.folder.read()
        self._check_same(held)
        return held["status"] == FINISHED and self.settings.steps <= held["settings"]["steps"]

    def check_open(self, *, resume: bool) -> None:
        """Check that the folder is free, or can be continued. For rank 0.

        Raises: UserError where it holds a run and `resume` is not set, or another run.
        """
        if self.folder.holds_a_run():
            if not (resume or was_restarted()):
                raise UserError(
                    f"{self.folder} holds a run that is not done; continue it with --resume, or choose another --output"
                )
            self._check_same(self.folder.read())
        elif metrics_log.read(self.folder.metrics):
            raise UserError(f"{self.folder} holds something else; choose another --output")

    def open(self, *, resume: bool) -> None:
        """Make the folder, or check that it can be continued. For rank 0. Raises: as `check_open`."""
        self.check_open(resume=resume)
        files.make_folder(str(self.folder.path))
        self.folder.write_vocabulary(self.vocabulary.model)
        self.folder.write(self.content(RUNNING))

    def content(self, status: str, **more: Any) -> dict[str, Any]:
        """What `run.json` says."""
        return {
            "status": status,
            **self.identity,
            "num_extra_ids": self.vocabulary.num_extra_ids,
            "settings": self.settings.to_json(),
            "best_metric": {"name": self.best.name, "higher_is_better": self.best.higher_is_better},
            **self.notes,
            "versions": {"c4pipe": c4pipe.__version__, "torch": torch.__version__, "python": platform.python_version()},
            **more,
        }

    def _check_same(self, held: Mapping[str, Any]) -> None:
        for name, value in self.identity.items():
            if held.get(name) != value:
                raise UserError(
                    f"{self.folder} holds a run with another {name.replace('_', ' ')} "
                    f"({_difference(held.get(name), value)}); choose another --output, or the same flags as before"
                )
        self.settings.check_continues(held["settings"])


def train(run: Run, trainer: Trainer, *, resume: bool, describe: Describe) -> Outcome:
    """Open the folder (all ranks together), train, and leave `run.json` and `run.html`.

    describe: see `non_finite`. Raises: UserError for all that the user can mend.
    """
    began = time.monotonic()
    world = trainer.world
    world.first_does(lambda: run.open(resume=resume))
    continued = (resume or was_restarted()) and trainer.resume()
    if continued and world.is_first:
        print(f"continuing from step {trainer.step:,} ({trainer.examples_seen:,} examples)", file=sys.stderr)
    try:
        outcome = trainer.train()
    except NonFiniteLoss as error:
        raise stop(error, run.folder, describe, writes=world.is_first) from error
    if not outcome.stopped:
        world.first_does(lambda: _finish(run, time.monotonic() - began))
    return outcome


def _finish(run: Run, seconds: float) -> None:
    lines = metrics_log.read(run.folder.metrics)
    content = run.content(FINISHED, summary=summarize(lines, run.best), seconds_of_last_start=round(seconds, 1))
    write_page(run.folder, content, lines)
    run.folder.write(content)


def summarize(lines: list[dict[str, Any]], best: BestMetric) -> dict[str, Any]:
    """First, last and best of the evaluations, and the last losses, of the lines of `metrics.jsonl`."""
    evaluated = [line for line in lines if line.get(best.name) is not None]
    chosen: Callable[..., Any] = max if best.higher_is_better else min
    last = lines[-1] if lines else {}
    summary: dict[str, Any] = {
        "steps": last.get("step", 0),
        "examples_seen": last.get("examples_seen", 0),
        "loss": last.get("loss"),
    }
    if evaluated:
        summary |= {
            f"first_{best.name}": evaluated[0][best.name],
            f"last_{best.name}": evaluated[-1][best.name],
            f"best_{best.name}": chosen(line[best.name] for line in evaluated),
            "best_step": chosen(evaluated, key=lambda line: line[best.name])["step"],
        }
    name = "validation_loss_shuffled_inputs"
    if evaluated and name in evaluated[-1]:
        summary[name] = evaluated[-1][name]
    return summary


def _difference(before: Any, now: Any) -> str:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        names = [name for name in now if before.get(name) != now[name]]
        return ", ".join(f"{name} was {before.get(name)}, is now {now[name]}" for name in names[:3])
    return f"was {before}, is now {now}"
