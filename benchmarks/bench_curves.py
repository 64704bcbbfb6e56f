"""Validation curves of pre-training with ours and Hugging Face's T5: same recipe, examples, order and initial weights.

    python benchmarks/bench_curves.py [--examples=DIR] [--output=DIR] [--steps=200] [--batch_size=8]
                                      [--evaluate_every=50] [--schedule=linear --warmup_steps=100]

This runs `model.pretrain`, and a plain loop over `transformers.T5ForConditionalGeneration` with
`transformers.Adafactor` in T5's settings. Each has its own process; they run one after the other, or at the same time
with --together. Both validation curves are printed as a table. There is no z-loss, because Hugging Face has none, and
no dropout, because the two draw different masks.

Without --examples, examples of 128 tokens are made from the documentation of Python's standard library. Without
--output, the runs are not kept.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from model.training.figures import metrics_log

ROOT = Path(__file__).parents[1]
NUM_VALIDATION = 128


def train_theirs(arguments: argparse.Namespace) -> None:
    """Train like `model.pretrain`, but with Hugging Face's model and optimizer."""
    from transformers.optimization import Adafactor

    from benchmarks.hugging_face_peer import hugging_face_peer
    from c4pipe.shards.stream.stream import open_stream, parse_sources
    from model.architectures.catalog import build_model
    from model.architectures.presets import preset
    from model.data.batches import Batch, as_batch, signed
    from model.data.examples import gather_examples
    from model.training.figures.metrics_log import MetricsLog
    from model.training.settings import TrainingSettings

    settings = TrainingSettings(
        steps=arguments.steps,
        batch_size=arguments.batch_size,
        schedule=arguments.schedule,
        warmup_steps=arguments.warmup_steps,
    ).completed()
    examples = gather_examples(parse_sources(arguments.examples), num_validation=NUM_VALIDATION)
    config = preset(arguments.preset, vocabulary_size=examples.vocabulary.embedding_rows).with_(dropout_rate=0.0)
    model = hugging_face_peer(config, dict(build_model(config, seed=settings.seed).named_parameters())).eval()
    optimizer = Adafactor(
        model.parameters(), lr=0.01, scale_parameter=True, relative_step=False, warmup_init=False, clip_threshold=1.0
    )

    def loss_of(batch: Batch) -> torch.Tensor:
        inputs, targets = ((ids.to(torch.int64) & 0xFFFF) for ids in (batch.inputs, batch.targets))
        labels = targets.masked_fill(targets == 0, -100)
        return model(input_ids=inputs, attention_mask=inputs != 0, labels=labels, use_cache=False).loss

    @torch.no_grad()
    def validate() -> float:
        total = count = 0.0
        (validation,) = examples.validation
        for start in range(0, len(validation), 32):
            part = slice(start, start + 32)
            batch = Batch(signed(validation.inputs[part]), signed(validation.targets[part]), torch.zeros(0))
            tokens = int((batch.targets != 0).sum())
            total, count = total + loss_of(batch).item() * tokens, count + tokens
        return total / count

    folder = Path(arguments.output) / "hugging_face"
    folder.mkdir(parents=True, exist_ok=True)
    log = MetricsLog(folder / "metrics.jsonl")
    log.append({"step": 0, "validation_loss": validate()})
    stream = open_stream(examples.sources, seed=settings.seed, batch_size=settings.batch_size)
    began = time.perf_counter()
    for step, ids in enumerate(stream.batches(), start=1):
        for group in optimizer.param_groups:
            group["lr"] = settings.rate_at(step)
        loss = loss_of(as_batch(ids, 0))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        line = {"step": step, "loss": loss.item(), "seconds": time.perf_counter() - began}
        if step % arguments.evaluate_every == 0 or step == settings.steps:
            line["validation_loss"] = validate()
        log.append(line)
        if step == settings.steps:
            break


def pretrain_command(arguments: argparse.Namespace) -> list[str]:
    values = {
        "examples": arguments.examples,
        "output": f"{arguments.output}/c4pipe",
        "preset": arguments.preset,
        "dropout_rate": 0,
        "z_loss": 0,
        "steps": arguments.steps,
        "batch_size": arguments.batch_size,
        "schedule": arguments.schedule,
        "warmup_steps": arguments.warmup_steps,
        "gradient_accumulation": 1,
        "log_every": 1,
        "evaluate_every": arguments.evaluate_every,
        "checkpoint_every": arguments.evaluate_every,
        "validation_examples": NUM_VALIDATION,
        "device": "cpu",
    }
    given = [f"--{name}={value}" for name, value in values.items() if value is not None]
    return [sys.executable, "-m", "model.pretrain", *given]


def show(output: Path) -> None:
    """Print both curves as a Markdown table."""
    runs = {name: metrics_log.read(output / name / "metrics.jsonl") for name in ("c4pipe", "hugging_face")}
    curves = {
        name: {line["step"]: line["validation_loss"] for line in lines if line.get("validation_loss") is not None}
        for name, lines in runs.items()
    }
    print("| step | c4pipe | Hugging Face | difference |\n|---|---|---|---|")
    for step in sorted(curves["c4pipe"].keys() & curves["hugging_face"].keys()):
        ours, theirs = curves["c4pipe"][step], curves["hugging_face"][step]
        print(f"| {step} | {ours:.4f} | {theirs:.4f} | {ours - theirs:+.4f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples")
    parser.add_argument("--output")
    parser.add_argument("--preset", default="t5_v1_1_tiny")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--evaluate_every", type=int, default=50)
    parser.add_argument("--schedule", help="schedule of the learning rate (default: the optimizer's)")
    parser.add_argument("--warmup_steps", type=int)
    parser.add_argument("--together", action="store_true", help="run both at the same time, with one thread each")
    parser.add_argument("--theirs", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--show", action="store_true", help="only print the curves of existing runs")
    arguments = parser.parse_args()
    if arguments.theirs:
        train_theirs(arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        arguments.output = arguments.output or f"{folder}/runs"
        if not arguments.show:
            arguments.examples = arguments.examples or documentation_examples(Path(folder))
            train_both(arguments)
        show(Path(arguments.output))


def documentation_examples(folder: Path) -> str:
    """Make examples below `folder`, from the same text as in `bench_objectives.py`. Returns: their folder."""
    from bench_objectives import documentation

    (text,), vocabulary = documentation(str(folder))
    (folder / "spiece.model").write_bytes(vocabulary.model)
    output = str(folder / "examples")
    flags = [f"--input={text}", f"--vocabulary={folder}", f"--output={output}", "--inputs_length=128"]
    subprocess.run([sys.executable, "-m", "pipelines.c4_to_examples", *flags], cwd=ROOT, check=True)
    return output


def train_both(arguments: argparse.Namespace) -> None:
    """Train both, one after the other or at the same time."""
    output = Path(arguments.output)
    output.mkdir(parents=True)
    (output / "recipe.json").write_text(json.dumps(vars(arguments)))
    chosen = [f"--examples={arguments.examples}", f"--output={arguments.output}"]
    theirs = [sys.executable, __file__, *sys.argv[1:], *chosen, "--theirs"]
    environment = {"OMP_NUM_THREADS": "1"} if arguments.together else {}
    processes = []
    for command in (pretrain_command(arguments), theirs):
        processes.append(subprocess.Popen(command, env={**os.environ, **environment}))
        if not arguments.together:
            processes[-1].wait()
    if sum(process.wait() for process in processes):
        raise SystemExit("a training failed")


if __name__ == "__main__":
    main()
