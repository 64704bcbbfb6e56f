"""Dropout whose mask is a pure function of (seed, step, example, place).

The masks of a global batch therefore depend neither on the number of ranks nor on gradient accumulation. With an
ordinary random generator, an example gets another mask when the batch is split differently. Here each example has a
64-bit key, and an element is kept if a hash of (key, place, element) is above the rate. There is no generator state:
activation checkpointing computes the same mask again without saving any.

Masks are shared by all positions of an example, as in the paper's code (mesh_tensorflow transformer_layers.py passes
`dropout_broadcast_dims=[context.length_dim]`; t5x layers.py drops with `broadcast_dims=(-2,)`, and keeps attention
weights by a mask of query length 1). A mask is then smaller by a factor of `length` than the matrix that it applies
to. And since all queries drop the same keys, dropout on attention weights equals dropout on whole value rows, which
works with every fused attention kernel.

Shapes: B examples, D features.
"""

import torch
from torch import Tensor

# Odd constants with well spread bits: the golden ratio for steps, and the two of splitmix64's finaliser for mixing.
# They are signed 64-bit numbers because torch has no unsigned arithmetic.
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
    """splitmix64's finaliser over an int64 tensor: each input bit flips each output bit with probability 1/2."""
    x = (x ^ _shift_right(x, 30)) * _MIX_1
    x = (x ^ _shift_right(x, 27)) * _MIX_2
    return x ^ _shift_right(x, 31)


def example_keys(seed: int, step: int, examples_B: Tensor) -> Tensor:
    """Keys (B,) int64 for the examples of a step.

    examples_B: a number per example that does not depend on how the global batch is split (its position in the stream,
    or its example id). Call this outside of a compiled region, so that a new step does not compile anything again.
    """
    salt = _signed(seed * 0xD1342543DE82EF95 + step * 0x2545F4914F6CDD1D)
    return mix(mix(examples_B.to(torch.int64) * _GOLDEN) + salt)


def place(keys_B: Tensor, number: int) -> Tensor:
    """Keys for one place in the network (a layer, or a dropout in a layer)."""
    return mix(keys_B + _signed((number + 1) * 0x632BE59BD9B4E019))


def uniform(keys_B: Tensor) -> Tensor:
    """(B,) float64: a number in [0, 1) per key, with 53 random bits."""
    return _shift_right(mix(keys_B), 11).double() * 2.0**-53


def scale(keys_B: Tensor, num_features: int, rate: float, dtype: torch.dtype) -> Tensor:
    """(B, D): 0 with probability `rate`, else 1 / (1 - rate)."""
    # Elements are mixed, not multiplied: the compiler would move a product into its 32-bit index arithmetic, where it
    # overflows.
    elements_D = mix(torch.arange(1, num_features + 1, device=keys_B.device))
    uniform_BD = _shift_right(mix(keys_B[:, None] + elements_D), 64 - _BITS)
    kept_BD = uniform_BD >= round(rate * (1 << _BITS))
    return kept_BD.to(dtype) * (1.0 / (1.0 - rate))


def drop(x: Tensor, keys_B: Tensor | None, number: int, rate: float, examples_N: Tensor | None = None) -> Tensor:
    """Dropout on the features of x (B, S, D) at a place. Without keys or with rate 0, x is returned as it is.

    examples_N: if x is (N, D), the example of each of its rows.
    """
    if keys_B is None or rate == 0:
        return x
    scale_BD = scale(place(keys_B, number), x.shape[-1], rate, x.dtype)
    return x * (scale_BD[:, None, :] if examples_N is None else scale_BD[examples_N])
