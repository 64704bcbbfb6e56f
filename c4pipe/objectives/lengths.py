"""The number of raw tokens per example, and the lengths of its inputs and targets.

Span corruption takes more raw tokens than `inputs_length`, so that the corrupted inputs have exactly that length. Every
other objective takes `inputs_length - 1` (room for EOS), the language model `targets_length - 1`. All lengths count
EOS. Source: `random_spans_helper`, `split_tokens_to_inputs_length` and the objectives' gin files of the reference t5.
"""

from dataclasses import dataclass

import numpy as np

from c4pipe.errors import UserError

MAX_TOKENS_LENGTH = 65_536
"""The longest chunk of a page, and so the most raw tokens of an example."""


@dataclass(frozen=True)
class Lengths:
    """The lengths of an objective's examples.

    tokens: raw tokens per example. inputs, targets: lengths with EOS. spans: noise spans; 0 if their number is random.
    Then `--overflow=strict` expects as many sentinels as i.i.d. noise has spans, if the objective has unique sentinels.
    """

    tokens: int
    inputs: int
    targets: int
    spans: int = 0


def span_corruption(
    inputs_length: int = 512, noise_density: float = 0.15, mean_noise_span_length: float = 3.0
) -> Lengths:
    """Lengths for random spans, chosen so that full-length examples need no padding.

    Rounds half to even in float64, unlike the mask itself, which uses float32 (see `noise_masks.span_counts`).

    >>> span_corruption(512, 0.15, 3.0)
    Lengths(tokens=568, inputs=512, targets=114, spans=28)
    >>> span_corruption(512, 0.5, 3.0)
    Lengths(tokens=766, inputs=512, targets=512, spans=128)

    Raises: UserError if no such lengths exist.
    """
    _check(inputs_length, noise_density, mean_noise_span_length)

    def counts(tokens: int) -> tuple[int, int, int]:
        noise = round(tokens * noise_density)
        spans = round(noise / mean_noise_span_length)
        return tokens - noise + spans + 1, noise + spans + 1, spans

    tokens = inputs_length - 1
    while counts(tokens + 1)[0] <= inputs_length:
        tokens += 1
        if tokens >= MAX_TOKENS_LENGTH:
            raise UserError(
                f"noise density {noise_density} needs {tokens:,} or more tokens per example; give a smaller density"
            )
    inputs, targets, _ = counts(tokens)
    if noise_density == 0.5 and targets > inputs:
        # The reference prefers targets of the same length as the inputs to one more raw token.
        tokens, targets = tokens - 1, targets - 1
    return Lengths(tokens, inputs_length, targets, counts(tokens)[2])


def pieces_of_inputs(inputs_length: int, targets_length: int) -> Lengths:
    """Lengths for objectives that cut the text into pieces as long as the inputs, less EOS.

    >>> pieces_of_inputs(512, 192)
    Lengths(tokens=511, inputs=512, targets=192, spans=0)
    """
    _check(inputs_length)
    return Lengths(inputs_length - 1, inputs_length, targets_length)


def pieces_of_targets(targets_length: int) -> Lengths:
    """Lengths for the language model: no inputs, the text as targets.

    >>> pieces_of_targets(512)
    Lengths(tokens=511, inputs=0, targets=512, spans=0)
    """
    _check(targets_length)
    return Lengths(targets_length - 1, 0, targets_length)


def iid_targets_length(inputs_length: int, noise_density: float, *, has_sentinels: bool) -> int:
    """Targets length for i.i.d. noise, whose targets vary in length: the 99.9th percentile of their lengths.

    This gives the reference's 104 for `drop_tokens`. has_sentinels: whether the targets have one sentinel per run of
    other tokens.

    >>> iid_targets_length(512, 0.15, has_sentinels=False), iid_targets_length(512, 0.15, has_sentinels=True)
    (104, 188)
    """
    _check(inputs_length, noise_density)
    shares = np.cumsum(_iid_targets(inputs_length - 1, noise_density, has_sentinels))
    return int(np.searchsorted(shares, 0.999)) + 1


def _iid_targets(tokens: int, noise_density: float, has_sentinels: bool) -> np.ndarray:
    """The exact probability of each length of targets without EOS, (tokens + 1,), computed token by token.

    A noise token adds 1 to the length. With sentinels, a token that starts a run of other tokens adds 1 too.
    """
    after_noise: np.ndarray = np.zeros(tokens + 2)
    after_other: np.ndarray = np.zeros(tokens + 2)
    after_noise[0] = 1.0  # as if noise came before, because a run of other tokens may start at once
    for _ in range(tokens):
        noise = np.roll(after_noise + after_other, 1) * noise_density
        started = np.roll(after_noise, 1) if has_sentinels else after_noise
        after_noise, after_other = noise, (started + after_other) * (1 - noise_density)
    return (after_noise + after_other)[: tokens + 1]


def _check(length: int, noise_density: float = 0.5, mean_noise_span_length: float = 1.0) -> None:
    if not 2 <= length <= MAX_TOKENS_LENGTH:
        raise UserError(f"a length of {length} tokens is out of range; give 2 to {MAX_TOKENS_LENGTH:,}")
    if not 0 < noise_density < 1:
        raise UserError(f"noise density {noise_density} is out of range; give more than 0 and less than 1")
    if not mean_noise_span_length >= 1:
        raise UserError(f"mean noise span length {mean_noise_span_length} is out of range; give 1 or more")
