"""Noise masks: which tokens of an example are noise.

Every function takes a block of examples. It returns a mask (b, n) bool, which is True for noise and False after an
example's length; or, if all examples have the same number of noise spans, these spans (`Spans`).
Shapes: b examples of at most n tokens; lengths (b,) int64; keys (b,) uint64, one per example (see `randomness`).
Source: `iid_noise_mask`, `random_prefix_noise_mask` and `random_spans_noise_mask` of the reference t5.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from c4pipe.objectives.randomness import below, halves

# The purposes of random numbers. Each purpose uses its own range of an example's random words.
IID, PREFIX, NOISE_SPANS, OTHER_SPANS = range(4)


def iid(lengths: np.ndarray, n: int, noise_density: float, keys: np.ndarray) -> np.ndarray:
    """Each token is noise with probability `noise_density`, independently of the others."""
    threshold = min(round(noise_density * 2**32), 2**32 - 1)
    return _within(halves(keys, IID, n) < np.uint32(threshold), lengths, n)


def everything(lengths: np.ndarray, n: int) -> np.ndarray:
    """Every token is noise.

    >>> everything(np.array([2, 3]), 3).astype(int)
    array([[1, 1, 0],
           [1, 1, 1]])
    """
    return np.arange(n) < lengths[:, None]


def prefix(lengths: np.ndarray, n: int, keys: np.ndarray) -> np.ndarray:
    """The first tokens are noise. Their number, 1 to length - 1, is equally likely. A single token is not noise."""
    num_noise = 1 + below(keys, PREFIX, np.maximum(lengths - 1, 1)[:, None])[:, 0]
    return np.arange(n) < np.where(lengths > 1, num_noise, 0)[:, None]


@cache
def span_counts(length: int, noise_density: float, mean_noise_span_length: float) -> tuple[int, int]:
    """(noise tokens, noise spans) of a random-spans mask of `length` >= 2 tokens.

    Computed in float32 and rounded half to even, as in the reference's graph: at 15%, a piece of 190 tokens has 29
    noise tokens; float64 would give 28.

    >>> span_counts(568, 0.15, 3.0), span_counts(190, 0.15, 3.0), span_counts(2, 0.15, 3.0)
    ((85, 28), (29, 10), (1, 1))
    """
    noise = int(np.rint(np.float32(length) * np.float32(noise_density)))
    noise = min(max(noise, 1), length - 1)
    spans = max(int(np.rint(np.float32(noise) / np.float32(mean_noise_span_length))), 1)
    # There must be an other token before each span. If there are fewer, the reference's graph fails.
    return noise, min(spans, length - noise)


@dataclass(frozen=True)
class Spans:
    """Noise as spans. All examples have `n` tokens and the same number of spans, and no span starts at token 0.

    starts, ends: (b, spans) int64, ascending. Span k of an example has the tokens from starts[k] up to, but not
    including, ends[k].

    >>> Spans(6, starts=np.array([[1, 4]]), ends=np.array([[3, 6]])).mask.astype(int)
    array([[0, 1, 1, 0, 1, 1]])
    """

    n: int
    starts: np.ndarray
    ends: np.ndarray

    @cached_property
    def mask(self) -> np.ndarray:
        """(b, n) bool."""
        b = len(self.starts)
        rows = np.arange(b)[:, None] * (self.n + 1)
        steps = np.zeros((b, self.n + 1), dtype=np.int8)
        flat = steps.reshape(-1)
        flat[rows + self.starts] = 1
        flat[rows + self.ends] = -1
        # Each row has the sum 0, so one running sum over all rows gives the running sum of each row.
        return np.cumsum(flat, dtype=np.int8).view(bool).reshape(steps.shape)[:, : self.n]


def random_spans(
    lengths: np.ndarray, n: int, noise_density: float, mean_noise_span_length: float, keys: np.ndarray
) -> np.ndarray | Spans:
    """Alternating spans of other tokens and of noise; other tokens come first. Every such mask is equally likely.

    The numbers of noise tokens and of spans depend on the length alone (`span_counts`). For example, 5 tokens at 40% in
    spans of 2 have one span of two tokens, and only one mask is possible.

    Returns: if every example has n tokens, the spans, because then no mask is needed; otherwise the mask.

    >>> random_spans(np.array([5]), 5, 0.4, 2.0, np.array([7], np.uint64)).mask.astype(int)
    array([[0, 0, 0, 1, 1]])
    """
    if n > 1 and lengths.size and (lengths == n).all():
        return _random_spans_of(n, noise_density, mean_noise_span_length, keys)
    mask = np.zeros((len(lengths), n), dtype=bool)
    for length in np.unique(lengths):
        # For a single token, the reference draws a mask for two, whose second token is noise, and keeps the first.
        if length > 1:
            rows = lengths == length
            spans = _random_spans_of(int(length), noise_density, mean_noise_span_length, keys[rows])
            mask[rows, :length] = spans.mask
    return mask


def _random_spans_of(length: int, noise_density: float, mean_noise_span_length: float, keys: np.ndarray) -> Spans:
    """`random_spans` for examples that all have the same length, at least 2."""
    noise, spans = span_counts(length, noise_density, mean_noise_span_length)
    noise_starts = _random_segment_starts(noise, spans, keys, NOISE_SPANS)  # (b, spans), first 0
    other_starts = _random_segment_starts(length - noise, spans, keys, OTHER_SPANS)
    # Noise span k comes after k + 1 spans of other tokens and k spans of noise.
    other_ends = _ends_of(other_starts, length - noise)
    return Spans(length, other_ends + noise_starts, other_ends + _ends_of(noise_starts, noise))


def _ends_of(starts: np.ndarray, num_items: int) -> np.ndarray:
    """The ends of adjacent segments with these starts (b, s), the last of which ends at `num_items`."""
    ends = np.empty_like(starts)
    ends[:, :-1] = starts[:, 1:]
    ends[:, -1] = num_items
    return ends


def _random_segment_starts(num_items: int, num_segments: int, keys: np.ndarray, purpose: int) -> np.ndarray:
    """Cut items into random non-empty segments. Returns their starts (b, num_segments) int64, ascending from 0."""
    starts = np.zeros((len(keys), num_segments), dtype=np.int64)
    if num_segments > 1:
        starts[:, 1:] = 1 + random_subset(num_items - 1, num_segments - 1, keys, purpose)
    return starts


def random_subset(num_items: int, num_chosen: int, keys: np.ndarray, purpose: int) -> np.ndarray:
    """Choose items: (b, num_chosen) int64, ascending. Every subset of [0, num_items) is equally likely.

    Floyd's algorithm, for all examples and draws at once. It needs one draw per chosen item; a shuffle needs one per
    item. Draw j is of the items up to `last[j]`. If its item is taken already, `last[j]` is taken instead.
    """
    b = len(keys)
    # If more than half are chosen, draw those that are not.
    num_drawn = min(num_chosen, num_items - num_chosen)
    last = np.arange(num_items - num_drawn, num_items)
    drawn = below(keys, purpose, last + 1)  # (b, num_drawn)
    rows = np.arange(b)[:, None] * num_items
    places = (drawn + rows).reshape(-1)
    is_chosen = np.zeros(b * num_items, dtype=bool)
    is_chosen[places] = True
    taken = _find_taken(drawn, places, num_items)
    is_chosen[last[taken % max(num_drawn, 1)] + taken // max(num_drawn, 1) * num_items] = True
    if num_drawn != num_chosen:
        np.logical_not(is_chosen, out=is_chosen)
    return np.flatnonzero(is_chosen).reshape(b, num_chosen) - rows


def _find_taken(drawn: np.ndarray, places: np.ndarray, num_items: int) -> np.ndarray:
    """The flat numbers of the draws whose item an earlier draw of the example took.

    drawn: (b, num_drawn). places: flat, each item's place among those of all examples.
    """
    num_drawn = drawn.shape[1]
    numbers = np.arange(drawn.size, dtype=np.int32)
    first = np.empty(len(drawn) * num_items, dtype=np.int32)
    first[places[::-1]] = numbers[::-1]  # of equal places, the last assignment counts
    is_taken = first[places] != numbers
    # An item may also be taken as the `last` of an earlier draw, if the item of that draw was taken. Such draws form
    # short chains, and each round settles one more link of all chains.
    instead_of = drawn.reshape(-1) - (num_items - num_drawn)
    later = np.flatnonzero(instead_of >= 0)
    earlier = instead_of[later] + later // max(num_drawn, 1) * num_drawn
    while len(later):
        now = is_taken[earlier]
        if not now.any():
            break
        is_taken[later[now]] = True
        later, earlier = later[~now], earlier[~now]
    return np.flatnonzero(is_taken)


def _within(mask: np.ndarray, lengths: np.ndarray, n: int) -> np.ndarray:
    if not (lengths == n).all():
        mask &= np.arange(n) < lengths[:, None]
    return mask
