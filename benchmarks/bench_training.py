"""A training step of ours and of Hugging Face's T5, with the same weights, batches and optimizer. Prints both losses.

    python benchmarks/bench_training.py                       on the CPU: eager, both in float32
    python benchmarks/bench_training.py --device=cuda --presets=t5_v1_1_small,t5_v1_1_base,t5_v1_1_large --batch_size=64
                                                              on a GPU: bf16, both compiled; examples/s, share of peak
    python benchmarks/bench_training.py --profile             where the time of our step is spent

A step consists of the forward pass, the backward pass and an update by Adafactor (Hugging Face:
`transformers.Adafactor` with T5's settings), on full examples of 512 + 114 ids. The two systems take turns step by
step, so that other load on the machine affects both in the same way; medians are compared. Dropout is off by default,
because the two draw different masks.
"""

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.hugging_face_peer import hugging_face_peer
from model.architectures.attention import IMPLEMENTATIONS, choose_attention
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.architectures.presets import preset
from model.data.batches import Batch
from model.training.computation import Computation, resolve_precision
from model.training.figures.throughput import flops_of_example, peak_flops
from model.training.kept_memory import keep_memory
from model.training.optimizers.adafactor import Adafactor
from model.training.ranks.world import World

INPUTS_LENGTH, TARGETS_LENGTH = 512, 114
LEARNING_RATE = 0.01

Step = Callable[[int], torch.Tensor]
"""Number of the step -> mean loss per target token, on the device."""


def batch_of(step: int, batch_size: int, vocabulary_size: int, device: torch.device) -> Batch:
    """Full examples of random ids."""
    generator = torch.Generator().manual_seed(step)
    inputs = torch.randint(3, vocabulary_size - 128, (batch_size, INPUTS_LENGTH), generator=generator)
    targets = torch.randint(3, vocabulary_size - 128, (batch_size, TARGETS_LENGTH), generator=generator)
    numbers = torch.arange(step * batch_size, (step + 1) * batch_size)
    return Batch(inputs, targets, numbers, inputs_are_full=True).to(device)


def ours(config: ModelConfig, arguments: argparse.Namespace, device: torch.device) -> Step:
    model = build_model(config, seed=0, device=device)
    computation = Computation(
        model,
        World(device=device),
        precision=arguments.precision,
        compile="c4pipe" in arguments.compile,
        activation_checkpointing=arguments.activation_checkpointing,
    )
    if arguments.attention != "auto":
        choose_attention(
            device,
            computation.dtype,
            num_heads=config.num_heads,
            d_kv=config.d_kv,
            candidates=[arguments.attention],
        )
    computation.train_only(None)
    optimizer = Adafactor(model.named_parameters(), lr=LEARNING_RATE)

    def step(number: int) -> torch.Tensor:
        batch = batch_of(number, arguments.batch_size, config.vocabulary_size, device)
        sums = computation.accumulate(batch, arguments.parts, seed=0, step=number + 1)
        optimizer.step()
        optimizer.zero_grad()
        return sums[0] / sums[2]

    return step


def theirs(config: ModelConfig, arguments: argparse.Namespace, device: torch.device) -> Step:
    from transformers.optimization import Adafactor as TheirAdafactor

    model = hugging_face_peer(config, dict(build_model(config, seed=0).named_parameters()))
    model.to(device).train(config.dropout_rate > 0)
    if arguments.activation_checkpointing:
        model.gradient_checkpointing_enable()
    compute = torch.compile(model, dynamic=False) if "transformers" in arguments.compile else model
    optimizer = TheirAdafactor(
        model.parameters(), lr=LEARNING_RATE, scale_parameter=True, relative_step=False, warmup_init=False
    )
    dtype = resolve_precision(arguments.precision, device)

    def step(number: int) -> torch.Tensor:
        batch = batch_of(number, arguments.batch_size, config.vocabulary_size, device)
        total = torch.zeros((), device=device)
        rows = arguments.batch_size // arguments.parts
        for start in range(0, arguments.batch_size, rows):
            part = batch.part(start, start + rows)
            with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
                loss = compute(input_ids=part.inputs, labels=part.targets, use_cache=False).loss / arguments.parts
            loss.backward()
            total += loss.detach()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return total

    return step


def measure(steps: dict[str, Step], arguments: argparse.Namespace, device: torch.device) -> dict[str, list[float]]:
    """Seconds of each step of each system, which take turns. See `--clock`."""
    clock = {"wall": time.perf_counter, "cpu": lambda: time.process_time() / torch.get_num_threads()}[arguments.clock]
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(arguments.warmup + arguments.steps):
        losses = {}
        for name, step in steps.items():
            began = clock()
            losses[name] = step(number).item()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if number >= arguments.warmup:
                seconds[name].append(clock() - began)
        if arguments.verbose or number in (0, arguments.warmup + arguments.steps - 1):
            print(f"  step {number + 1}: loss " + ", ".join(f"{name} {loss:.6f}" for name, loss in losses.items()))
    return seconds


def profile(step: Step, device: torch.device) -> None:
    """Print how much time of a step each operator takes."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    step(0)
    with torch.profiler.profile(activities=activities) as profiler:
        step(1).item()
    order = "self_device_time_total" if device.type == "cuda" else "self_cpu_time_total"
    print(profiler.key_averages().table(sort_by=order, row_limit=18, max_name_column_width=48))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", default="t5_v1_1_small", help="comma-separated")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16"])
    parser.add_argument("--batch_size", type=int, default=4)
    parser.add_argument("--parts", type=int, default=1, help="gradient accumulation of both systems")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--dropout_rate", type=float, default=0.0)
    parser.add_argument("--vocabulary_size", type=int, default=32128)
    parser.add_argument("--compile", default=None, help="systems to compile, comma-separated; default: both on a GPU")
    parser.add_argument("--activation_checkpointing", action="store_true")
    parser.add_argument(
        "--attention", default="auto", choices=["auto", *IMPLEMENTATIONS], help="our implementation on a GPU"
    )
    parser.add_argument("--systems", default="c4pipe,transformers", help="systems to run, comma-separated")
    parser.add_argument(
        "--clock",
        default="wall",
        choices=["wall", "cpu"],
        help="cpu: CPU seconds divided by threads, for a machine with other load (waiting threads count too)",
    )
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--verbose", action="store_true", help="print the losses of every step")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    if arguments.compile is None:
        arguments.compile = "c4pipe,transformers" if device.type == "cuda" else ""
    print(f"compiled: {arguments.compile or 'none'}")
    name_of_device = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(
        f"{name_of_device}; torch {torch.__version__}, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}"
    )
    keep_memory(device)  # as model.pretrain does; in this process, the other system gains from it too
    makers = {"c4pipe": ours, "transformers": theirs}
    for name in arguments.presets.split(","):
        config = preset(name, vocabulary_size=arguments.vocabulary_size).with_(dropout_rate=arguments.dropout_rate)
        print(f"{name}, {arguments.batch_size} x {INPUTS_LENGTH}/{TARGETS_LENGTH}:")
        steps = {system: makers[system](config, arguments, device) for system in arguments.systems.split(",")}
        if arguments.profile:
            for system, step in steps.items():
                print(system)
                profile(step, device)
            continue
        seconds = measure(steps, arguments, device)
        flops = flops_of_example(build_model(config, device="meta"), INPUTS_LENGTH, TARGETS_LENGTH)
        medians = {system: statistics.median(values) for system, values in seconds.items()}
        for system, median in medians.items():
            rate = arguments.batch_size / median
            peak = peak_flops(device)
            share = f", {rate * flops / peak:.1%} of peak" if peak else f", {rate * flops / 1e9:.1f} GFLOP/s"
            spread = f"{min(seconds[system]):.3f}-{max(seconds[system]):.3f}"
            print(f"  {system:14} {median:.3f} s per step ({spread}), {rate:.2f} examples/s{share}")
        if len(medians) == 2:
            print(f"  c4pipe is {medians['transformers'] / medians['c4pipe']:.2f} times as fast")


if __name__ == "__main__":
    main()
