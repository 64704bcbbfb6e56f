"""One system of `bench_finetuning.py` in a process of its own. It trains some steps for each line that it reads.

    python benchmarks/finetuning/side.py '{"system": "c4pipe", ...}'

The modules of c4pipe come from PYTHONPATH, so that an earlier commit can be measured too. So this file uses only
functions that earlier commits also have.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.turns import stopwatch
from c4pipe.shards.stream.example_sources import Source, read_examples
from c4pipe.shards.stream.stream import open_stream
from model.architectures.catalog import build_model
from model.architectures.presets import preset
from model.architectures.t5 import Examples, T5Model
from model.checkpoints.run_folder import RunFolder
from model.data.packing import packed_batch
from model.data.task_sources import each_task
from model.data.trimming import trimmed_batch
from model.training import launch
from model.training.computation import Computation
from model.training.hooks import Hooks
from model.training.kept_memory import keep_memory
from model.training.ranks.world import World
from model.training.settings import TrainingSettings
from model.training.trainer import Trainer

NUM_VALIDATION = 16  # examples of each task
MEGA_BATCH = 50  # batches that Seq2SeqTrainer sorts by length

SumOfLosses = Callable[[Tensor, Tensor], tuple[float, int]]
"""Inputs (B, S) and targets (B, T) -> the sum of the losses of the target tokens, and their number."""


class Turns:
    """Answers lines: before the first step of a turn it waits for a line, and after the last step it answers."""

    def __init__(self, settings: Mapping[str, Any], sum_of_losses: SumOfLosses) -> None:
        self._settings = settings
        self._sum_of_losses = sum_of_losses
        self._steps = 0
        self._read = stopwatch()
        _answer("ready")

    def before_step(self) -> None:
        """Call this before each step. It ends the process when there are no more lines."""
        if self._steps % self._settings["steps"] == 0:
            if self._steps:
                figures = self._read()
                is_last = self._steps >= self._settings["steps"] * (self._settings["rounds"] + 1)
                _answer({**figures, "validation_loss": self._validate() if is_last else None})
            if not sys.stdin.readline():
                sys.exit()
            self._read = stopwatch()
        self._steps += 1

    @torch.no_grad()
    def _validate(self) -> float:
        total = count = 0
        for _, source in each_task(Source(self._settings["tasks"], split="validation"), "validation"):
            inputs, targets = examples_of(source, NUM_VALIDATION)
            losses, tokens = self._sum_of_losses(as_ids(inputs), as_ids(targets))
            total, count = total + losses, count + tokens
        return total / count


def _answer(content: Any) -> None:
    print(json.dumps(content), file=sys.__stdout__, flush=True)


def examples_of(source: Source, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The inputs and targets of the first examples of a source."""
    rows: Any = read_examples(source, count)
    return rows if isinstance(rows, tuple) else (rows.inputs, rows.targets)  # earlier commits: a tuple


def as_ids(ids: np.ndarray) -> Tensor:
    """int64, without columns of padding."""
    return torch.from_numpy(ids[:, : int((ids != 0).sum(1).max())].astype(np.int64))


def c4pipe(model: T5Model, settings: Mapping[str, Any]) -> None:
    """Train with the loop of `model.finetune`."""
    total = settings["steps"] * (settings["rounds"] + 1)
    training = TrainingSettings(
        steps=total + 1,
        batch_size=settings["batch_size"],
        learning_rate=settings["learning_rate"],
        schedule="constant",
        z_loss=0.0,
        seed=settings["seed"],
        log_every=settings["steps"],
    ).completed()
    keep_memory(torch.device("cpu"))
    stream = open_stream([Source(settings["tasks"])], seed=training.seed, batch_size=training.batch_size)

    def sum_of_losses(inputs: Tensor, targets: Tensor) -> tuple[float, int]:
        loss = model(Examples(inputs, targets))
        return loss.loss_sum.item(), int(loss.num_tokens)

    computation = Computation.of(model, World(), training)
    if hasattr(launch, "preparation"):
        prepare = launch.preparation(computation, pack=settings["pack"])
    else:
        prepare = packed_batch if settings["pack"] else trimmed_batch
    turns = Turns(settings, sum_of_losses)
    with tempfile.TemporaryDirectory() as folder:
        Trainer(
            computation,
            stream,
            training,
            RunFolder(folder),
            Hooks(before_step=lambda step: turns.before_step()),
            prepare=prepare,
        ).train()


def transformers(model: T5Model, settings: Mapping[str, Any]) -> None:
    """Train with `Seq2SeqTrainer` and `group_by_length`, with the same recipe of Adafactor."""
    from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments, TrainerCallback
    from transformers.optimization import Adafactor

    from benchmarks.hugging_face_peer import hugging_face_peer

    theirs = hugging_face_peer(model.config, dict(model.named_parameters()))

    def sum_of_losses(inputs: Tensor, targets: Tensor) -> tuple[float, int]:
        theirs.eval()
        labels = targets.masked_fill(targets == 0, -100)
        loss = theirs(input_ids=inputs, attention_mask=inputs != 0, labels=labels, use_cache=False).loss
        theirs.train()
        num_tokens = int((targets != 0).sum())
        return loss.item() * num_tokens, num_tokens

    turns = Turns(settings, sum_of_losses)

    class WaitForTurn(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            turns.before_step()

    class InSampledOrder(Seq2SeqTrainer):
        """Their batches in another order: as sorted by length, the first steps would all have long examples."""

        def _get_train_sampler(self, *dataset: Any) -> Any:
            return sampled(list(super()._get_train_sampler(*dataset)), settings)

    with tempfile.TemporaryDirectory() as folder:
        InSampledOrder(
            model=theirs,
            args=Seq2SeqTrainingArguments(
                output_dir=folder,
                group_by_length=True,
                per_device_train_batch_size=settings["batch_size"],
                max_steps=settings["steps"] * (settings["rounds"] + 1) + 1,
                max_grad_norm=0.0,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                logging_steps=settings["steps"],
                use_cpu=True,
                seed=settings["seed"],
            ),
            train_dataset=rows_of(settings["tasks"]),
            data_collator=collate,
            optimizers=(
                Adafactor(theirs.parameters(), lr=settings["learning_rate"], scale_parameter=True, relative_step=False),
                None,
            ),
            callbacks=[WaitForTurn()],
        ).train()


def rows_of(tasks: str) -> list[dict[str, list[int]]]:
    """All training examples, as Hugging Face wants them."""
    rows = []
    for _, source in each_task(Source(tasks)):
        inputs, targets = examples_of(source, 1 << 30)
        for ids, labels in zip(inputs, targets, strict=True):
            rows.append({"input_ids": ids[ids != 0].tolist(), "labels": labels[labels != 0].tolist()})
    return rows


def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """A batch that is padded to its longest example."""

    def padded(name: str, value: int) -> Tensor:
        ids = [torch.tensor(row[name]) for row in rows]
        return torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=value)

    inputs = padded("input_ids", 0)
    return {"input_ids": inputs, "attention_mask": inputs != 0, "labels": padded("labels", -100)}


def sampled(order: Sequence[int], settings: Mapping[str, Any]) -> list[int]:
    """The order of batches in which each turn has batches of all lengths of a mega-batch."""
    size, steps, turns = settings["batch_size"], settings["steps"], settings["rounds"] + 1
    num_batches = MEGA_BATCH * -(-steps * turns // MEGA_BATCH)

    def places() -> Iterator[int]:
        for turn in range(turns):
            for step in range(steps):
                yield (2 * (step * turns + turn) + 1) * num_batches // (2 * steps * turns)

    chosen = [index for place in places() for index in order[place * size : (place + 1) * size]]
    return [*chosen, *order]


SYSTEMS = {"c4pipe": c4pipe, "transformers": transformers}


def main() -> None:
    settings = json.loads(sys.argv[1])
    sys.stdout = sys.stderr  # only answers go to the pipe
    torch.set_num_threads(settings["threads"])
    config = preset(settings["preset"], vocabulary_size=settings["vocabulary_size"])
    SYSTEMS[settings["system"]](build_model(config.with_(dropout_rate=0.1), seed=settings["seed"]), settings)


if __name__ == "__main__":
    main()
