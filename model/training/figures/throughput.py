"""Floating point operations of a model, and the share of the hardware's peak that a run uses."""

import os
import time

import torch

from c4pipe.progress import duration
from model.architectures.layers import FEED_FORWARDS
from model.architectures.linear import linear
from model.architectures.t5 import T5Model
from model.training.ranks.world import World

# Training reaches about this share of the speed of matrix products; the rest is for attention, norms and updates.
_SHARE_OF_PRODUCTS = 0.5
_TRIES = 5

# Dense bf16 tensor-core peaks from the vendors' data sheets, in TFLOP/s. The key is a part of the device's name.
PEAK_BF16_TFLOPS = {
    "H200": 989.0,
    "H100 PCIe": 756.0,
    "H100": 989.0,
    "H800": 989.0,
    "B200": 2250.0,
    "A100": 312.0,
    "A800": 312.0,
    "L40S": 362.0,
    "L4": 121.0,
    "A10G": 70.0,
    "RTX 4090": 165.0,
    "RTX 3090": 71.0,
}


def peak_flops(device: torch.device) -> float | None:
    """The bf16 peak of a device in FLOP/s; None if it is not known (a CPU or another GPU)."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((tflops * 1e12 for part, tflops in PEAK_BF16_TFLOPS.items() if part in name), None)


def estimated_time(flops: float, world: World, dtype: torch.dtype) -> str:
    """Estimate in words how long so many operations take on this device, by timing a matrix product."""
    speed = _speed_of_products(world.device, dtype)
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    seconds = flops / (_SHARE_OF_PRODUCTS * speed * ranks)
    here = f"{ranks} processes" if ranks > 1 else "one process"
    return (
        f"{flops:.3g} floating point operations, about {duration(seconds)} by {here} here, at "
        f"{_SHARE_OF_PRODUCTS:.0%} of the {speed / 1e9:,.0f} GFLOP/s that matrix products reach"
    )


def estimated_seconds(flops: float, device: torch.device, dtype: torch.dtype) -> float:
    """About how many seconds so many operations take on one device."""
    return flops / (_SHARE_OF_PRODUCTS * _speed_of_products(device, dtype))


def _speed_of_products(device: torch.device, dtype: torch.dtype) -> float:
    """Operations per second of a product of square matrices, the best of a few tries."""
    width = 8192 if device.type == "cuda" else 1024
    ones = torch.ones(width, width, device=device, dtype=dtype)
    seconds = []
    for _ in range(_TRIES):
        began = time.perf_counter()
        linear(ones, ones).sum().item()
        seconds.append(time.perf_counter() - began)
    return 2.0 * width**3 / min(seconds)


def flops_of_example(model: T5Model, inputs_length: int, targets_length: int) -> float:
    """Floating point operations per example, forward and backward (three times the forward pass).

    A multiplication by a matrix of n elements counts as 2n per token. Attention counts as 4 x queries x keys x width
    per layer (scores and averages), also for causal attention, which could skip half. Norms, softmax, embedding lookups
    and the recomputation of activation checkpointing are not counted.

        forward = 2 S (enc) + 2 T (dec) + 2 S (cross keys and values) + 2 T (head) + 4 w (L_e S^2 + L_d (T^2 + S T))

    T5-base v1.1 needs 426 GFLOP for 512 inputs and 114 targets:

    >>> from model.architectures import catalog, config
    >>> widths = {"d_model": 768, "d_ff": 2048, "d_kv": 64, "num_heads": 12}
    >>> base = config.ModelConfig(**widths, num_layers=12, feed_forward="gated_gelu")
    >>> round(flops_of_example(catalog.build_model(base, device="meta"), 512, 114) / 1e9)
    426
    """
    config = model.config
    width = config.d_attention
    attention = 4 * config.d_model * width
    feed_forward = FEED_FORWARDS[config.feed_forward].num_matrices * config.d_model * config.d_ff
    forward = 2 * targets_length * config.d_model * config.vocabulary_size
    for num_layers, length, memory_length, _ in model.passes(inputs_length, targets_length):
        layer = 2 * length * (attention + feed_forward) + 4 * width * length**2
        if memory_length:
            # Queries and outputs are computed per position, keys and values per position of the memory.
            layer += (length + memory_length) * attention + 4 * width * length * memory_length
        forward += num_layers * layer
    return 3.0 * forward
