"""How tokens are corrupted: makes inputs or targets from the tokens and their noise mask.

Every function takes a `Block` and returns `Sequences`: the ids of all examples one after the other, and their number
per example. EOS, trimming and padding come later (`finish`). Shapes: b examples of at most n tokens. Sentinels are
numbered downwards from the end of the vocabulary, and start again in each example. Source: the corresponding functions
in the reference t5's `preprocessors.py`, named in each docstring.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from c4pipe.objectives.noise_masks import Spans
from c4pipe.objectives.randomness import halves, words

NUM_RESERVED_IDS = 3
"""pad, EOS and unk, which are never drawn as random tokens."""
RANDOM_TOKEN_SHARE = 0.1
"""BERT-style: the share of the noise tokens that becomes random tokens; the others become the mask token."""
EOS_ID = 1
UNK_ID = 2

# The purposes of random numbers, which continue those of `noise_masks`.
IS_RANDOM, RANDOM_TOKEN, ORDER = range(8, 11)


@dataclass(frozen=True)
class Block:
    """Examples before corruption.

    tokens: (b, n) uint16 or uint32, 0 after the length. lengths: (b,). noise: a mask (b, n) bool, or spans. keys: (b,)
    uint64. vocabulary_size: pieces and extra ids. The first sentinel, which is also the mask token, is the id below it.
    """

    tokens: np.ndarray
    lengths: np.ndarray
    noise: np.ndarray | Spans
    keys: np.ndarray
    vocabulary_size: int

    @property
    def noise_mask(self) -> np.ndarray:
        """(b, n) bool: whether the token is noise."""
        return self.noise.mask if isinstance(self.noise, Spans) else self.noise

    @property
    def num_noise_tokens(self) -> int:
        """The number of noise tokens in all examples."""
        if isinstance(self.noise, Spans):
            return int((self.noise.ends - self.noise.starts).sum())
        return int(np.count_nonzero(self.noise))

    @cached_property
    def there(self) -> np.ndarray | None:
        """(b, n) bool: whether there is a token at this place; None if all places have one."""
        n = self.tokens.shape[1]
        return None if (self.lengths == n).all() else np.arange(n) < self.lengths[:, None]

    @cached_property
    def other_mask(self) -> np.ndarray:
        """(b, n) bool: whether there is a token that is not noise."""
        return ~self.noise_mask if self.there is None else self.there & ~self.noise_mask

    def all_of(self, ids: np.ndarray) -> np.ndarray:
        """The ids (b, n) at the places of tokens, one after the other."""
        return ids.reshape(-1) if self.there is None else ids[self.there]


@dataclass(frozen=True)
class Sequences:
    """b sequences of ids.

    values: the ids, one sequence after the other. lengths: (b,). sentinels: (b,) the number of distinct sentinels in
    each sequence.
    """

    values: np.ndarray
    lengths: np.ndarray
    sentinels: np.ndarray | None = None


def nothing(block: Block) -> Sequences:
    """No tokens: the inputs of a language model."""
    return Sequences(block.tokens[:0].reshape(-1), np.zeros(len(block.tokens), np.int64))


def all_tokens(block: Block) -> Sequences:
    """All tokens of the text, unchanged."""
    return Sequences(block.all_of(block.tokens), block.lengths)


def noise_tokens(block: Block) -> Sequences:
    """Only the noise tokens, with no sign of their places (`drop_nonnoise_tokens`).

    >>> noise_tokens(_block([11, 12, 13, 14, 15], [0, 1, 1, 0, 1])).values
    array([12, 13, 15], dtype=uint16)
    """
    return _masked(block.tokens, block.noise_mask)


def other_tokens(block: Block) -> Sequences:
    """Only the tokens that are not noise (`drop_noise_tokens`)."""
    return _masked(block.tokens, block.other_mask)


def noise_spans_to_unique_sentinels(block: Block) -> Sequences:
    """Each run of noise becomes one unique sentinel (`noise_span_to_unique_sentinel`).

    >>> noise_spans_to_unique_sentinels(_block([11, 12, 13, 14, 15], [0, 1, 1, 0, 1])).values
    array([11, 99, 14, 98], dtype=uint16)
    """
    if isinstance(block.noise, Spans):
        # Each run has the other tokens and the first noise token after them, which the sentinel replaces.
        starts, ends = block.noise.starts, block.noise.ends
        first = np.zeros_like(starts)
        first[:, 1:] = ends[:, :-1]
        return _runs_with_sentinels(block, first, starts + 1, sentinel_is_last=True)
    return _runs_to_sentinels(block, block.noise_mask, block.other_mask)


def other_spans_to_unique_sentinels(block: Block) -> Sequences:
    """Each run of other tokens becomes one unique sentinel (`nonnoise_span_to_unique_sentinel`).

    >>> other_spans_to_unique_sentinels(_block([11, 12, 13, 14, 15], [0, 1, 1, 0, 1])).values
    array([99, 12, 13, 98, 15], dtype=uint16)
    """
    if isinstance(block.noise, Spans):
        # Each run has the last of the other tokens, which the sentinel replaces, and the noise after it.
        return _runs_with_sentinels(block, block.noise.starts - 1, block.noise.ends, sentinel_is_last=False)
    return _runs_to_sentinels(block, block.other_mask, block.noise_mask)


def noise_tokens_to_mask(block: Block) -> Sequences:
    """Each noise token becomes the mask token, which is the first sentinel (`noise_token_to_sentinel`).

    >>> noise_tokens_to_mask(_block([11, 12, 13, 14, 15], [0, 1, 1, 0, 1])).values
    array([11, 99, 99, 14, 99], dtype=uint16)
    """
    ids = np.where(block.noise_mask, block.tokens.dtype.type(block.vocabulary_size - 1), block.tokens)
    return Sequences(block.all_of(ids), block.lengths)


def noise_tokens_to_mask_or_random(block: Block) -> Sequences:
    """Each noise token becomes the mask token or, in one case of ten, a random token (BERT-style).

    Random tokens come from [3, vocabulary size), including sentinels (`noise_token_to_random_token_or_sentinel`).
    """
    n = block.tokens.shape[1]
    is_random = halves(block.keys, IS_RANDOM, n) < np.uint32(round(RANDOM_TOKEN_SHARE * 2**32))
    drawn = halves(block.keys, RANDOM_TOKEN, n).astype(np.uint64)
    drawn *= np.uint64(block.vocabulary_size - NUM_RESERVED_IDS)
    drawn >>= np.uint64(32)
    drawn += np.uint64(NUM_RESERVED_IDS)
    replaced = np.where(is_random, drawn.astype(block.tokens.dtype), block.tokens.dtype.type(block.vocabulary_size - 1))
    return Sequences(block.all_of(np.where(block.noise_mask, replaced, block.tokens)), block.lengths)


def noise_tokens_permuted(block: Block) -> Sequences:
    """Permute the noise tokens; every order is equally likely (`permute_noise_tokens`)."""
    order_keys = words(block.keys, ORDER, block.tokens.shape[1])
    order_keys[~block.noise_mask] = np.iinfo(np.uint64).max
    num_noise = block.noise_mask.sum(axis=1)
    order = np.argsort(order_keys, axis=1, kind="stable")
    shuffled = np.take_along_axis(block.tokens, order, axis=1)
    ids = block.tokens.copy()
    ids[block.noise_mask] = shuffled[np.arange(ids.shape[1]) < num_noise[:, None]]
    return Sequences(block.all_of(ids), block.lengths)


def finish(sequences: Sequences, length: int, prefix: Sequence[int] = ()) -> tuple[np.ndarray, np.ndarray, int]:
    """Put the prefix in front, trim to `length` - 1 ids, append EOS, pad with 0.

    A length of 0 means that there are no such sequences (the inputs of a language model). Then there is no EOS either.

    Returns: ids (b, length), lengths with EOS (b,), and the number of sequences that were trimmed.
    """
    b = len(sequences.lengths)
    if not length:
        return np.zeros((b, 0), sequences.values.dtype), np.zeros(b, np.int64), 0
    if len(prefix):
        ids = np.zeros((b, length), sequences.values.dtype)
        ids[:, : len(prefix)] = prefix
        ids[:, len(prefix) :], lengths, num_trimmed = finish(sequences, length - len(prefix))
        return ids, lengths + len(prefix), num_trimmed
    room = length - 1
    ids = np.zeros((b, length), sequences.values.dtype)
    lengths, values = sequences.lengths, sequences.values
    longest = int(lengths.max(initial=0))
    if longest and int(lengths.min()) == longest:
        kept = min(longest, room)
        ids[:, :kept] = values.reshape(b, longest)[:, :kept]
        ids[:, kept] = EOS_ID
        return ids, np.full(b, kept + 1), b * (longest > room)
    trimmed = lengths > room
    if trimmed.any():
        starts = np.cumsum(lengths) - lengths
        values = values[np.arange(len(values)) - np.repeat(starts, lengths) < room]
        lengths = np.minimum(lengths, room)
    ids[np.arange(length) < lengths[:, None]] = values
    ids[np.arange(b), lengths] = EOS_ID
    return ids, lengths + 1, int(trimmed.sum())


def _masked(ids: np.ndarray, mask: np.ndarray) -> Sequences:
    return Sequences(ids[mask], np.count_nonzero(mask, axis=1))


def _runs_to_sentinels(block: Block, mask: np.ndarray, kept: np.ndarray) -> Sequences:
    """Each run of `mask` becomes one sentinel, and the tokens of `kept` stay. Every token is in one of the two."""
    first = mask.copy()
    first[:, 1:] &= kept[:, :-1]
    places = np.flatnonzero(first)  # in order of example, then position
    num_runs = np.count_nonzero(first, axis=1)
    number = np.arange(len(places)) - np.repeat(np.cumsum(num_runs) - num_runs, num_runs)
    ids = block.tokens.copy()
    ids.reshape(-1)[places] = block.vocabulary_size - 1 - number
    stays = np.logical_or(kept, first, out=first)
    return Sequences(ids[stays], np.count_nonzero(stays, axis=1), num_runs)


def _runs_with_sentinels(block: Block, first: np.ndarray, ends: np.ndarray, *, sentinel_is_last: bool) -> Sequences:
    """Runs of tokens one after the other, with the last or the first token of each run replaced by a sentinel.

    first, ends: (b, runs), the first place of each run and the place after it. Gives the same as `_runs_to_sentinels`,
    but the work depends only on the number of runs and of tokens that stay.
    """
    b, num_runs = first.shape
    lengths = ends - first
    flat_lengths = lengths.reshape(-1)
    run_ends = np.cumsum(flat_lengths)
    run_starts = run_ends - flat_lengths
    rows = np.arange(b)[:, None] * block.tokens.shape[1]
    places = np.repeat((first + rows).reshape(-1) - run_starts, flat_lengths)
    places += np.arange(len(places))
    values = block.tokens.reshape(-1).take(places)
    sentinels = np.arange(block.vocabulary_size - 1, block.vocabulary_size - 1 - num_runs, -1)
    sentinel_places = run_ends - 1 if sentinel_is_last else run_starts
    values[sentinel_places.reshape(b, num_runs)] = sentinels
    return Sequences(values, lengths.sum(axis=1), np.full(b, num_runs))


def worked_example() -> Block:
    """The example of the docstrings above, to try a corruption on."""
    return _block([11, 12, 13, 14, 15], [0, 1, 1, 0, 1])


def _block(tokens: list[int], noise: list[int]) -> Block:
    """A block of one example, with a vocabulary of 100 ids."""
    ids = np.array([tokens], np.uint16)
    return Block(ids, np.array([len(tokens)]), np.array([noise], bool), np.zeros(1, np.uint64), 100)
