"""The least time that each part of a training step can take on a GPU, from its operations and its bytes.

    python benchmarks/gpu/floors.py --preset=t5_v1_1_base --batch_size=64 --tflops=989 --terabytes=3.35

A part needs at least its operations divided by the peak of bf16, and at least its bytes divided by the bandwidth of the
memory; its floor is the larger of the two. Every tensor is counted as read and written once per part. Whole numbers of
bytes: 4 for the residual stream, statistics, parameters and gradients, 2 for what products read and write.
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.architectures.layers import FEED_FORWARDS
from model.architectures.presets import preset

INPUTS_LENGTH, TARGETS_LENGTH = 512, 114


class Part(NamedTuple):
    """A part of a step: floating point operations and bytes, forward and backward together."""

    name: str
    flops: float
    num_bytes: float

    def floor(self, flops_per_second: float, bytes_per_second: float) -> float:
        """Seconds."""
        return max(self.flops / flops_per_second, self.num_bytes / bytes_per_second)


def parts_of_step(config: ModelConfig, batch_size: int, inputs_length: int, targets_length: int) -> list[Part]:
    """The parts of a step with Adafactor and full examples."""
    model = build_model(config, device="meta")
    count = sum(parameter.numel() for parameter in model.parameters())
    width, d_model, d_ff = config.d_attention, config.d_model, config.d_ff
    matrices = FEED_FORWARDS[config.feed_forward].num_matrices
    products = attention = attention_bytes = norm_bytes = gate_bytes = 0.0
    for num_layers, length, memory, _ in model.passes(inputs_length, targets_length):
        tokens = batch_size * length
        projections = 4 * d_model * width * tokens
        if memory:
            projections += 2 * d_model * width * tokens + 2 * d_model * width * batch_size * memory
        products += num_layers * 2 * (projections + matrices * d_model * d_ff * tokens)
        for keys in filter(None, (length, memory)):
            attention += num_layers * 4 * width * tokens * keys
            # Forward: q, k, v are read, the output is written. Backward: these and a gradient are read, 3 are written.
            attention_bytes += num_layers * 2 * width * batch_size * (6 * length + 6 * keys)
        # Of each sub-layer: the residual is read and written (4 + 4), the normed values are written (2), and the
        # backward pass reads the input (4), the gradient (2) and the residual's gradient (4), and writes it (4).
        norm_bytes += num_layers * (3 if memory else 2) * tokens * d_model * 24
        # Forward: 2 are read, 1 is written. Backward: 3 are read, 2 are written.
        gate_bytes += num_layers * tokens * d_ff * 2 * (8 if matrices == 3 else 5)
    rows = batch_size * targets_length
    head = 2 * rows * d_model * config.vocabulary_size
    return [
        Part("products of layers", 3 * products, 0),
        Part("attention", 3.5 * attention, attention_bytes),  # the backward pass computes the scores again
        Part("norms, residual, dropout", 0, norm_bytes),
        Part("activation of feed-forward", 0, gate_bytes),
        # Logits in float32: written and read by the softmax, then their gradient in bf16 is written and read twice.
        Part("head and cross entropy", 3 * head, rows * config.vocabulary_size * (4 + 4 + 2 + 2 + 2)),
        Part("bf16 copies of weights", 0, count * (4 + 2)),
        Part("Adafactor", 0, count * (3 * 4 + 2 * 4)),  # statistics need a pass of their own over gradient, parameter
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="t5_v1_1_base")
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--tflops", type=float, default=989.0, help="peak of bf16 products (H100, H200: 989)")
    parser.add_argument("--terabytes", type=float, default=3.35, help="per second (H100 3.35, H200 4.8)")
    arguments = parser.parse_args()
    parts = parts_of_step(preset(arguments.preset), arguments.batch_size, INPUTS_LENGTH, TARGETS_LENGTH)
    rates = (arguments.tflops * 1e12, arguments.terabytes * 1e12)
    print(f"| part of a step of {arguments.preset}, {arguments.batch_size} examples | GFLOP | GB | floor in ms |")
    print("|---|---|---|---|")
    for part in parts:
        floor = part.floor(*rates)
        print(f"| {part.name} | {part.flops / 1e9:,.0f} | {part.num_bytes / 1e9:.2f} | {1e3 * floor:.2f} |")
    total = sum(part.floor(*rates) for part in parts)
    print(f"| all, one after the other | | | {1e3 * total:.2f}: {arguments.batch_size / total:,.0f} examples/s |")


if __name__ == "__main__":
    main()
