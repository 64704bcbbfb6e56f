"""What pre-training and fine-tuning have in common around the training loop, from the start of a run to its page."""

import contextlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from model.checkpoints.run_folder import FINISHED, RUNNING, worth
from model.data.batches import Batch, NumpyBatch
from model.data.origins import describe_batch
from model.data.packing import packed_batch
from model.data.trimming import coarsely_trimmed_batch, trimmed_batch
from model.training.computation import Computation
from model.training.figures import metrics_log
from model.training.figures.run_page import write_page
from model.training.figures.trackers import check_trackers, open_trackers
from model.training.hooks import Hooks
from model.training.kept_memory import keep_memory
from model.training.non_finite import stop
from model.training.ranks.speaker import num_ranks, rank_here, say
from model.training.ranks.threads import choose_threads
from model.training.ranks.watchdog import contact_of
from model.training.ranks.world import World
from model.training.run import Run
from model.training.settings import BestMetric
from model.training.trainer import NonFiniteLoss, Outcome, Trainer

# A page takes half a second to draw, which a run of seconds need not do twice.
_FIRST_PAGE_SECONDS = 10.0
_PAGE_SHARE = 100


def launch(run: Run, *, plan: Callable[[World], str], work: Callable[[World], None]) -> None:
    """Connect the ranks and do the work of a run. If it is finished or a dry run, only print that or the plan.

    plan: gives the output of `--dry_run`; it runs in this process alone. work: builds the model and trains it.

    Raises: UserError for all mistakes that the user can correct.
    """
    if run.is_finished():
        say(f"{run.folder} holds this run and is finished; nothing to do")
        return
    check_trackers(run.running.track)
    if run.running.dry_run:
        world = World.alone(device=run.running.device)
        run.settings.share(num_ranks())
        run.check_free()
        say(plan(world))
        return
    with contextlib.ExitStack() as cleanup:
        cleanup.enter_context(contact_of(rank_here()))
        world = World.join(device=run.running.device, timeout_seconds=run.running.timeout_seconds)
        cleanup.callback(world.leave)
        # Before the model is built, which may take long.
        choose_threads(world.device)
        keep_memory(world.device)
        run.settings.share(world.size)
        world.first_does(lambda: cleanup.enter_context(run.locked()))
        work(world)


def preparation(computation: Computation, *, pack: bool) -> Callable[[NumpyBatch, int], Batch]:
    """How batches are prepared, so that little padding is computed. pack: whether to pack, where padding costs time."""
    if pack and computation.computes_padding:
        return packed_batch
    return coarsely_trimmed_batch if computation.is_compiled else trimmed_batch


def make_trainer(run: Run, computation: Computation, hooks: Hooks, *, pack: bool) -> Trainer:
    """A trainer on the stream of the run. All ranks call this together.

    hooks: those of the command. The best metric of the run and its trackers are added to them. pack: see `preparation`.

    Raises: UserError if the examples cannot be opened, or a tracker does not exist.
    """
    world = computation.world
    stream = world.everybody_does(lambda: run.stream(world.rank, world.size))
    names = run.running.track if world.is_first else ""
    trackers = [hooks.after_log, *open_trackers(names, str(run.folder), run.settings.to_json())]
    if world.is_first:
        trackers.append(_PageOfRun(run).after_log)

    def track(line: Mapping[str, Any]) -> None:
        for tracker in trackers:
            tracker(line)

    return Trainer(
        computation,
        stream,
        run.settings,
        run.folder,
        replace(hooks, best=run.best, after_log=track),
        prepare=preparation(computation, pack=pack),
        peak_flops_of_device=run.running.peak_tflops and run.running.peak_tflops * 1e12,
    )


def train(run: Run, trainer: Trainer, *, text: str | None = None) -> Outcome:
    """Open the folder, train, and write `run.json` and `run.html`. All ranks call this together.

    text: folder in which the URLs of the examples are looked up if the loss becomes NaN (see `describe_batch`).

    Raises: UserError for all mistakes that the user can correct.
    """
    began = time.monotonic()
    world = trainer.world
    world.first_does(run.open)
    continued = run.resumes and trainer.resume()
    if continued and world.is_first:
        print(f"continuing from step {trainer.step:,} ({trainer.examples_seen:,} examples)", file=sys.stderr)
    try:
        outcome = trainer.train()
    except NonFiniteLoss as error:
        raise stop(
            error,
            run.folder,
            lambda position: describe_batch(run.stream(), position, text),
            writes=world.is_first,
        ) from error
    if outcome.stopped:
        kept = f"with a checkpoint in {run.folder}" if outcome.step else f"in {run.folder}"
        say(f"stopped after step {outcome.step:,} {kept}; continue with --resume")
        if world.is_first and outcome.step:  # last, because the process may be killed soon after the signal
            _write_running_page(run)
    else:
        world.first_does(lambda: _finish(run, time.monotonic() - began))
    return outcome


class _PageOfRun:
    """Updates `run.html` during a run, for at most a hundredth of its time."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._next = time.monotonic() + _FIRST_PAGE_SECONDS

    def after_log(self, line: Mapping[str, Any]) -> None:
        """Update the page after a line was logged, if enough time has passed."""
        began = time.monotonic()
        if line["step"] == 0 or began < self._next:
            return
        _write_running_page(self._run)
        self._next = time.monotonic() + _PAGE_SHARE * (time.monotonic() - began)


def _write_running_page(run: Run) -> None:
    lines = metrics_log.read(run.folder.metrics)
    write_page(run.folder, run.content(RUNNING, summary=summarize(lines, run.best)), lines)


def _finish(run: Run, seconds: float) -> None:
    lines = metrics_log.read(run.folder.metrics)
    content = run.content(FINISHED, summary=summarize(lines, run.best), seconds_of_last_start=round(seconds, 1))
    write_page(run.folder, content, lines)
    run.folder.write(content)


def summarize(lines: list[dict[str, Any]], best: BestMetric) -> dict[str, Any]:
    """The summary of `metrics.jsonl`: the last loss, and the first, last and best evaluations."""
    evaluated = [line for line in lines if line.get(best.name) is not None]
    last = lines[-1] if lines else {}
    summary: dict[str, Any] = {
        "steps": last.get("step", 0),
        "examples_seen": last.get("examples_seen", 0),
        "loss": last.get("loss"),
    }
    if evaluated:
        chosen = max(evaluated, key=lambda line: worth(line, best.name, higher_is_better=best.higher_is_better))
        summary |= {
            f"first_{best.name}": evaluated[0][best.name],
            f"last_{best.name}": evaluated[-1][best.name],
            f"best_{best.name}": chosen[best.name],
            "best_step": chosen["step"],
        }
    name = "validation_loss_shuffled_inputs"
    if evaluated and name in evaluated[-1]:
        summary[name] = evaluated[-1][name]
    return summary
