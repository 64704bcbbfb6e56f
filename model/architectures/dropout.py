"""Dropout whose mask is a pure function of (seed, step, example, place), so that ranks and accumulation change nothing.

A generator that is drawn from in order gives an example another mask when the batch is cut otherwise. Here each
example has a 64-bit key, and an element of a mask is kept where a hash of (key, place, element) is above the rate.
Nothing is drawn and nothing remembered: activation checkpointing computes the same mask again without saved states.

Masks are shared by all positions of an example, as in the paper's code (mesh_tensorflow transformer_layers.py passes
`dropout_broadcast_dims=[context.length_dim]`; t5x layers.py drops with `broadcast_dims=(-2,)`, and keeps attention
weights by a mask of query length 1). It makes a mask `length` times cheaper than the matrix it is for. And since all
queries drop the same keys, dropout on attention weights is the same as dropout on whole value rows, which every fused
attention kernel can do.

Shapes: B examples, D features.
"""

import torch
from torch import Tensor

# Odd constants with well spread bits: the golden ratio's for steps, those of splitmix64's finaliser for mixing.
# They are written as signed 64-bit numbers, because torch has no unsigned arithmetic.
_GOLDEN = 0x9E3779B97F4A7C15 - 2**64
_MIX_1 = 0xBF58476D1CE4E5B9 - 2**64
_MIX_2 = 0x94D049BB133111EB - 2**64
_BITS = 24


def _signed(x: int) -> int:
    """The int64 with the lowest 64 bits of x."""
    x &= 2**64 - 1
    return x - 2**64 if x >= 2**63 else x


def _shift_right(x: Tensor, bits: int) -> Tensor:
    """A logical shift: torch's `>>` copies the sign of an int64."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def mix(x: Tensor) -> Tensor:
    """splitmix64's finaliser over an int64 tensor: each bit of the input turns each bit of the output half the time."""
    x = (x ^ _shift_right(x, 30)) * _MIX_1
    x = (x ^ _shift_right(x, 27)) * _MIX_2
    return x ^ _shift_right(x, 31)


def example_keys(seed: int, step: int, examples_B: Tensor) -> Tensor:
    """Keys (B,) int64 for the examples of a step.

    examples_B: a number for each example that stays the same however the global batch is cut (its position in the
    stream, or its example id). Made outside of a compiled region, so that a new step compiles nothing anew.
    """
    salt = _signed(seed * 0xD1342543DE82EF95 + step * 0x2545F4914F6CDD1D)
    return mix(mix(examples_B.to(torch.int64) * _GOLDEN) + salt)


def place(keys_B: Tensor, number: int) -> Tensor:
    """Keys for one place of a network (a layer, a dropout in a layer)."""
    return mix(keys_B + _signed((number + 1) * 0x632BE59BD9B4E019))


def scale(keys_B: Tensor, num_features: int, rate: float, dtype: torch.dtype) -> Tensor:
    """(B, D): 0 with probability `rate`, else 1 / (1 - rate)."""
    # Mixed, not multiplied: the compiler would fold a product into its 32-bit index arithmetic, where it overflows.
    elements_D = mix(torch.arange(1, num_features + 1, device=keys_B.device))
    uniform_BD = _shift_right(mix(keys_B[:, None] + elements_D), 64 - _BITS)
    kept_BD = uniform_BD >= round(rate * (1 << _BITS))
    return kept_BD.to(dtype) * (1.0 / (1.0 - rate))


def drop(x_BSD: Tensor, keys_B: Tensor | None, number: int, rate: float) -> Tensor:
    """Dropout of features of x (B, S, D) at a place; without keys or with rate 0, x itself."""
    if keys_B is None or rate == 0:
        return x_BSD
    return x_BSD * scale(place(keys_B, number), x_BSD.shape[-1], rate, x_BSD.dtype)[:, None, :]
