"""The training loop for pre-training and fine-tuning, with one process or many."""

import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from c4pipe.errors import UserError
from c4pipe.progress import ProgressLine
from model.architectures.parts import fill, part_of
from model.checkpoints import step_folder
from model.checkpoints.run_folder import RunFolder
from model.checkpoints.saver import CheckpointSaver
from model.checkpoints.step_folder import ALONE, State
from model.checkpoints.stored_tensors import StoredTensors
from model.data.batches import Batch, Loader, NumpyBatch, as_batch
from model.generation.watch import Watch
from model.training.computation import Computation
from model.training.figures.history import History, StepFigures
from model.training.figures.metrics_log import MetricsLog
from model.training.figures.progress import describe
from model.training.figures.speed import SpeedMeter, StepsAheadLimit
from model.training.figures.throughput import flops_of_example, peak_flops
from model.training.hooks import Hooks
from model.training.memory import fewest_parts
from model.training.optimizers.catalog import recipe_by_name
from model.training.parallel.writers import writers_of
from model.training.ranks.signals import StopRequest
from model.training.ranks.stopping import StopFlag, StopVote
from model.training.ranks.watchdog import Watchdog
from model.training.settings import TrainingSettings


class Stream(Protocol):
    """The endless batches of this rank, from a position (examples seen by all ranks)."""

    def batches(self, position: int = 0) -> Iterator[Any]: ...


@dataclass(frozen=True)
class Outcome:
    """How training ended: at which step, and whether a signal stopped it."""

    step: int
    stopped: bool


class NonFiniteLoss(Exception):
    """The loss or the gradient norm became infinite or NaN at a step. position: of its batch in the stream."""

    def __init__(self, figures: StepFigures, position: int) -> None:
        super().__init__(f"step {figures.step}: loss {figures.loss}, gradient norm {figures.gradient_norm}")
        self.figures = figures
        self.position = position


class Trainer:
    """Trains the model of a computation on a stream, and saves checkpoints from which a run continues.

    The state of a run consists of the step, the examples seen, the parameters and the optimizer's state. Everything
    else (order of examples, dropout, learning rate) is a function of these and the settings, so a run can continue on
    any number of ranks. Settings must be completed (`TrainingSettings.completed`).
    """

    def __init__(
        self,
        computation: Computation,
        stream: Stream,
        settings: TrainingSettings,
        folder: RunFolder,
        hooks: Hooks | None = None,
        *,
        prepare: Callable[[NumpyBatch, int], Batch] = as_batch,
        peak_flops_of_device: float | None = None,
    ) -> None:
        self.computation = computation
        self.model = computation.model
        self.world = computation.world
        self.settings = settings
        self.folder = folder
        self.hooks = hooks or Hooks()
        self.step = 0
        self.share = settings.share(self.world.size)
        self.optimizer = recipe_by_name(settings.optimizer).build(self.model.named_parameters(), settings.weight_decay)
        self.log = MetricsLog(folder.metrics)
        self._writers = writers_of(self.model, self.world)
        self.saver = CheckpointSaver(
            folder,
            keep=settings.keep,
            metric=self.hooks.best.name,
            higher_is_better=self.hooks.best.higher_is_better,
            writers=self._writers or ALONE,
        )
        self.parts = settings.gradient_accumulation
        self._stream = stream
        self._prepare = prepare
        self._peak_flops = peak_flops_of_device or peak_flops(self.world.device)
        self._history = History(self.world)
        self._resumed: State | None = None
        self._request = StopRequest()
        self._stop_flag = StopFlag(self.world, self._request)
        # It speaks before the time-out of communication ends the run.
        self._watchdog = Watchdog(self.world.rank, seconds=self.world.timeout_seconds / 2)
        self._gave_up = False  # whether an evaluation was broken off because a signal asked to stop

    @property
    def examples_seen(self) -> int:
        return self.step * self.settings.batch_size

    def resume(self) -> bool:
        """Load the newest intact checkpoint; False if there is none. All ranks call it together."""

        def find() -> State | None:
            self.folder.clear_unfinished()
            found = self.folder.newest_whole(set_aside=True)
            self.log.rewind(-1 if found is None else found.step - 1 if found.line else found.step)
            return found

        state = self.world.first_does(find)
        if state is None:
            return False
        if state.examples_seen != state.step * self.settings.batch_size:
            raise UserError(
                f"the checkpoint of step {state.step} has seen {state.examples_seen} examples, which does not fit "
                f"--batch_size={self.settings.batch_size}; continue with the batch size of the run"
            )
        checkpoint = self.folder.of_step(state.step)
        self._load_weights(self._table(lambda: step_folder.read_weights(checkpoint, check=False)))
        self.optimizer.load_state_tensors(self._table(lambda: step_folder.read_optimizer(checkpoint, check=False)))
        self.step = state.step
        self._resumed = state
        return True

    def _table(self, read: Callable[[], StoredTensors]) -> Mapping[str, Tensor]:
        """Tensors of a checkpoint that rank 0 has checked. Each rank of a sharded model reads its own rows."""
        return self.world.everybody_does(read) if self.computation.is_sharded else self.world.share_table(read)

    def train(self) -> Outcome:
        """Train from the current step to the last step, or until a signal asks to stop.

        Raises: NonFiniteLoss, and UserError if the last checkpoint could not be written.
        """
        progress = ProgressLine(
            "training", self.settings.steps, unit="steps", done=self.step, shows=self.world.is_first
        )
        batches = self._stream.batches(self.examples_seen)
        try:
            loading = closing(Loader(batches, self._prepared, device=self.world.device))
            with self._request, self._watchdog, loading as loader:
                stopped = self._train(loader, progress)
        finally:
            progress.close()
            self.saver.wait()
        self._raise_if_unsaved()
        return Outcome(self.step, stopped)

    def _train(self, loader: Loader, progress: ProgressLine) -> bool:
        settings = self.settings
        stop_vote, ahead = StopVote(self.world), StepsAheadLimit(self.world.device)
        speed: SpeedMeter | None = None
        stopping = False
        self.computation.train_only(self.hooks.trains(self.step + 1))
        self._log_first_line(progress)
        while self.step < settings.steps and not self._gave_up:
            began = time.perf_counter()
            step = self.step + 1
            waited = loader.waited_seconds
            on_host = self._next(loader)
            batch = on_host.to(self.world.device)
            if speed is None:
                self._choose_parts(batch)
                speed = SpeedMeter(self.world, peak_flops=self._peak_flops)
                began = time.perf_counter()
            self.hooks.before_step(step)
            self.computation.train_only(self.hooks.trains(step))
            before = time.perf_counter() - began
            sums = self.computation.accumulate(batch, self.parts, seed=settings.seed, step=step)
            speed.add_step(
                examples=self.share,
                tokens=on_host.num_tokens,
                flops=self._flops(batch),
                own_seconds=before + self.computation.own_seconds,
                waited_seconds=loader.waited_seconds - waited,
            )
            self._history.add(step, sums, self._update(step))
            self.step = step
            self._watchdog.beat()
            ahead.step()
            stopping = stop_vote.any_asked(bool(self._request))
            self._after_step(progress, speed, stopping)
            if stopping:
                break
        stopped_late = stop_vote.finish()
        return self._gave_up or (self.step < settings.steps and (stopping or stopped_late))

    def _next(self, loader: Loader) -> Batch:
        try:
            return loader.next()
        except UserError as error:
            # Only this rank reads the shard, so no other rank reports the error. Rank 0 prints its own errors.
            if not self.world.is_first:
                print(f"error: rank {self.world.rank}: {error}", file=sys.stderr, flush=True)
            raise

    def _update(self, step: int) -> Tensor:
        """Clip the gradients, update, and clear the gradients. Returns: their global norm, on the device."""
        parameters = [parameter for parameter in self.model.parameters() if parameter.grad is not None]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients, foreach=True)
        if self.computation.is_sharded:
            norm = norm.full_tensor()  # type: ignore[attr-defined]
        if self.settings.max_gradient_norm:
            torch.nn.utils.clip_grads_with_norm_(parameters, self.settings.max_gradient_norm, norm, foreach=True)
        self.optimizer.param_groups[0]["lr"] = self.settings.rate_at(step)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return norm

    def _after_step(self, progress: ProgressLine, speed: SpeedMeter, stopping: bool) -> None:
        """Write a line of metrics, evaluate, and save a checkpoint, as far as these are due at this step."""
        settings, step = self.settings, self.step
        evaluates = self._is_evaluated(step) and not stopping
        saves = evaluates or stopping or step == settings.steps or step % settings.checkpoint_every == 0
        self._warn_of_failure()
        if not (saves or step % settings.log_every == 0):
            progress.show(step)
            return
        figures = self._history.take()
        self._check_finite(figures)
        line = self._line(figures, speed)
        if saves:
            # Before the evaluation, which may take longer than a cluster waits after SIGTERM.
            speed.pause(self._save(line), checkpoint=True)
        evaluated = self._evaluate(speed) if evaluates else {}
        if not self._gave_up:  # otherwise the checkpoint has the line; a start that continues evaluates and logs it
            self._log_line(progress, {**line, **evaluated})

    def _line(self, figures: list[StepFigures], speed: SpeedMeter) -> dict[str, Any]:
        """A line of `metrics.jsonl`. `loss` is of this step, `mean_loss` of all steps since the line before."""
        last = figures[-1]
        tokens = sum(step.target_tokens for step in figures)
        return {
            "step": self.step,
            "examples_seen": self.examples_seen,
            "loss": last.loss,
            "mean_loss": sum(step.loss * step.target_tokens for step in figures) / max(tokens, 1),
            "accuracy": last.accuracy,
            "z_loss": last.z_loss,
            "gradient_norm": last.gradient_norm,
            "learning_rate": self.settings.rate_at(self.step),
            **speed.take(),
            **self._replaced(),
        }

    def _replaced(self) -> dict[str, int]:
        """How many examples so far replaced those of bad shards, if such shards are skipped."""
        here = getattr(self._stream, "num_replaced", 0)
        total = int(sum(count for (count,) in self.world.gather_rows([here])))
        return {"replaced_examples": total} if total else {}

    def _log_line(self, progress: ProgressLine, line: Mapping[str, Any]) -> None:
        if self.world.is_first:
            self.log.append(line)
        if words := describe(line):  # empty for step 0 of a run without evaluations
            progress.show(self.step, words, now=True)
        self.hooks.after_log(line)

    def _log_first_line(self, progress: ProgressLine) -> None:
        """Log the step that a run starts from: step 0, or a step that was saved but not (completely) logged."""
        state = self._resumed
        if state is None:
            line = {"step": 0, "examples_seen": 0, **self._evaluate()}
        elif state.line:
            missing = self._is_evaluated(state.step) and not state.metrics
            line = {**state.line, **(self._evaluate() if missing else state.metrics)}
        else:
            return
        if not self._gave_up:
            self._log_line(progress, line)

    def _is_evaluated(self, step: int) -> bool:
        last = step == self.settings.steps
        return self.hooks.evaluate is not None and (last or step % self.settings.evaluate_every == 0)

    def _evaluate(self, speed: SpeedMeter | None = None) -> dict[str, Any]:
        """The metrics of the current state. They are also added to its checkpoint, if there is one."""
        if self.hooks.evaluate is None:
            return {}
        began = time.perf_counter()
        line = ProgressLine("evaluation", 1, unit="examples", shows=self.world.is_first, stays=False)
        with line as progress, self.computation.gathered():
            begin, advance = lambda total: progress.show(0, total=total), self._watchdog.beating(progress.advance)
            watch = Watch(begin, advance, self._stop_flag.is_set)
            metrics = dict(self.hooks.evaluate(self.step, self.step == self.settings.steps, watch))
        self._gave_up = self._stop_flag.is_known_to_any()
        if self._gave_up:
            return {}
        if speed is not None:
            speed.pause(time.perf_counter() - began)
        if self.world.is_first and self.step > 0:
            numbers = {name: value for name, value in metrics.items() if isinstance(value, (int, float))}
            self.saver.annotate(self.step, {name: value for name, value in numbers.items() if math.isfinite(value)})
        return metrics

    def _save(self, line: Mapping[str, Any]) -> float:
        """Begin to write a checkpoint. Returns: the seconds for which training had to wait."""
        if self._writers is None:
            return 0.0
        state = State(self.step, self.examples_seen, line=line)
        return self.saver.save(state, dict(self.model.named_parameters()), self.optimizer.state_tensors())

    def _warn_of_failure(self) -> None:
        failure = self.saver.take_failure()
        if failure is not None:
            warnings.warn(
                f"a checkpoint could not be written ({failure.strerror or failure}); training continues, and the next "
                f"checkpoint is tried when it is due; free space on the disk of {self.folder}",
                stacklevel=2,
            )

    def _raise_if_unsaved(self) -> None:
        def check() -> None:
            if self.saver.failure is None:
                return
            saved = self.saver.last_saved
            newest = f"the newest checkpoint is of step {saved}" if saved else "there is no new checkpoint"
            raise UserError(
                f"the checkpoint of step {self.step} could not be written to {self.folder} "
                f"({self.saver.failure.strerror or self.saver.failure}); {newest}; free space on the disk and continue "
                "with --resume"
            )

        self.world.first_does(check)

    def _check_finite(self, figures: list[StepFigures]) -> None:
        for step in figures:
            if not (math.isfinite(step.loss) and math.isfinite(step.gradient_norm)):
                self.saver.wait()
                raise NonFiniteLoss(step, (step.step - 1) * self.settings.batch_size)

    def _choose_parts(self, batch: Batch) -> None:
        if self.parts:
            return
        trained = self.computation.trained_parameters
        # In float32: gradients (DDP's buckets share their memory) and the optimizer's state.
        moments = recipe_by_name(self.settings.optimizer).state_elements
        shapes = [tuple(part_of(parameter).rows.shape) for parameter in trained]
        elements = sum(math.prod(shape) + moments(shape) for shape in shapes)
        state_bytes = 0 if self.step else 4 * elements
        widths = (getattr(self._stream, name, 0) for name in ("inputs_length", "targets_length"))
        self.parts = fewest_parts(
            self.computation, batch.widened(*widths), num_rows=self.share, state_bytes=state_bytes
        )

    def _flops(self, batch: Batch) -> float:
        lengths = [batch.inputs.shape[1], batch.targets.shape[1]]
        if not self.computation.computes_padding:
            lengths = [round(int(torch.count_nonzero(ids)) / len(ids)) for ids in (batch.inputs, batch.targets)]
        return len(batch) * flops_of_example(self.model, *lengths)

    def _prepared(self, ids: NumpyBatch) -> Batch:
        return self._prepare(ids, ids.position + self.world.rank * self.share)

    def _load_weights(self, weights: Mapping[str, Tensor]) -> None:
        parameters = dict(self.model.named_parameters())
        if parameters.keys() != weights.keys():
            odd = sorted(parameters.keys() ^ weights.keys())
            raise UserError(f"the checkpoint belongs to another model (parameters {', '.join(odd[:3])}, ... differ)")
        for name, parameter in parameters.items():
            fill(parameter, weights, name)
