"""Random numbers as a pure function of their key and purpose: no generator, no state, no order of drawing.

A number is `mix(key + counter * step)`: SplitMix64, which can be read at any place, with one key per example. So
example 7 of shard 3 gets the same noise whether it is corrupted alone or in a block, by any worker, before or during
training.

    stream_key(seed, replica, "train", shard)  one key per shard and replica
    example_keys(stream, [0, 1, 2, ...])       one key per example
    words(keys, purpose, count)                64-bit words, (examples, count)
"""

import numpy as np

_STEP = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_COUNTERS_PER_PURPOSE = 1 << 32


def stream_key(seed: int, replica: int, split: str, shard: int) -> int:
    """The 64-bit key for all random numbers in one replica of one shard of a split."""
    key = 0
    for part in (*split.encode(), 256, shard, replica, seed):
        key = _mix(key ^ _mix((part & _MASK) + _STEP & _MASK))
    return key


def example_keys(stream: int, examples: np.ndarray) -> np.ndarray:
    """Keys (b,) uint64 of examples. examples: (b,) their numbers within the shard."""
    keys = examples.astype(np.uint64)
    keys += np.uint64(1)
    keys *= np.uint64(_STEP)
    keys += np.uint64(stream)
    return _mix_in_place(keys)


def words(keys: np.ndarray, purpose: int, count: int) -> np.ndarray:
    """Random 64-bit words (b, count). The n-th word depends on the key and the purpose, not on `count`.

    keys: (b,) uint64. purpose: a small number. The words of different purposes never overlap for one key.
    """
    counters = np.arange(1, count + 1, dtype=np.uint64)
    counters += np.uint64(purpose * _COUNTERS_PER_PURPOSE)
    counters *= np.uint64(_STEP)
    return _mix_in_place(keys[:, None] + counters)


def halves(keys: np.ndarray, purpose: int, count: int) -> np.ndarray:
    """Random 32-bit numbers (b, count) uint32, two from each word."""
    return words(keys, purpose, (count + 1) // 2).astype("<u8", copy=False).view("<u4")[:, :count]


def below(keys: np.ndarray, purpose: int, bounds: np.ndarray) -> np.ndarray:
    """Random integers (b, k) int64 with 0 <= [:, j] < bounds[..., j], equally likely up to bounds * 2^-32.

    bounds: (k,) or (b, k), at most 2^31.
    """
    drawn = words(keys, purpose, bounds.shape[-1])
    drawn >>= np.uint64(32)
    drawn *= bounds.astype(np.uint64)
    drawn >>= np.uint64(32)
    return drawn.astype(np.int64)


def _mix(value: int) -> int:
    """SplitMix64's finaliser."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _MASK
    return value ^ (value >> 31)


def _mix_in_place(values: np.ndarray) -> np.ndarray:
    """`_mix` for an array of uint64, in place."""
    shifted = values >> np.uint64(30)
    values ^= shifted
    values *= np.uint64(0xBF58476D1CE4E5B9)
    np.right_shift(values, np.uint64(27), out=shifted)
    values ^= shifted
    values *= np.uint64(0x94D049BB133111EB)
    np.right_shift(values, np.uint64(31), out=shifted)
    values ^= shifted
    return values
