"""From pages to pieces: a chunk of each page, pages joined, cut into pieces of the objective's length.

The reference's order of steps: `select_random_chunk` (a page of more than 65,536 tokens keeps one of its chunks),
`reduce_concat_tokens` (128 pages become one sequence, nothing between them), `split_tokens` (the last short piece of a
sequence stays). Pages without a token leave before they are counted into a group.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from c4pipe.objectives.lengths import MAX_TOKENS_LENGTH
from c4pipe.objectives.randomness import below, example_keys

PAGES_PER_GROUP = 128
CHUNK_LENGTH = MAX_TOKENS_LENGTH
_CHUNK = 16  # a purpose; see noise_masks and corruption for the others


@dataclass(frozen=True)
class Pages:
    """Tokens of consecutive pages of a text shard, without the empty ones.

    tokens: (sum of lengths,) one page after the other. rows: (p,) each page's row in its shard, ascending.
    offsets: (p,) where in its page the first token lies. lengths: (p,) tokens, at least 1.
    """

    tokens: np.ndarray
    rows: np.ndarray
    offsets: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, pages: slice) -> "Pages":
        """Consecutive pages."""
        start, stop, _ = pages.indices(len(self))
        ends = np.concatenate([[0], np.cumsum(self.lengths)])
        of_pages = slice(start, stop)
        tokens = self.tokens[ends[start] : ends[stop]]
        return Pages(tokens, self.rows[of_pages], self.offsets[of_pages], self.lengths[of_pages])

    @classmethod
    def join(cls, parts: "list[Pages]") -> "Pages":
        """One after the other."""
        if len(parts) == 1:
            return parts[0]
        fields = ("tokens", "rows", "offsets", "lengths")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


@dataclass(frozen=True)
class Pieces:
    """Pieces ready to be corrupted.

    tokens: (b, n) ids, 0 past the length. lengths: (b,) at least 1. Of each piece's first token: rows (b,) and
    offsets (b,), the page's row and the token's place in it; num_pages (b,) consecutive rows that the piece covers.
    """

    tokens: np.ndarray
    lengths: np.ndarray
    rows: np.ndarray
    offsets: np.ndarray
    num_pages: np.ndarray

    def blocks(self, size: int) -> "Iterator[Pieces]":
        """The same pieces, at most `size` at a time."""
        for start in range(0, len(self.lengths), size):
            part = slice(start, start + size)
            yield Pieces(
                self.tokens[part], self.lengths[part], self.rows[part], self.offsets[part], self.num_pages[part]
            )


def choose_chunks(tokens: np.ndarray, lengths: np.ndarray, first_row: int, stream: int) -> Pages:
    """Drop empty pages and keep one random chunk of each page that is longer than 65,536 tokens.

    Args:
        tokens: (sum of lengths,) ids of consecutive pages. lengths: (p,). first_row: the first page's row.
        stream: the key of `randomness.stream_key`; the chunk depends on it and on the page's row alone.
    """
    there = np.flatnonzero(lengths)
    kept = lengths[there]
    rows = there + first_row
    offsets: np.ndarray = np.zeros(len(there), np.int64)
    if not len(there) or kept.max() <= CHUNK_LENGTH:
        return Pages(tokens, rows, offsets, kept)
    num_chunks = -(-kept // CHUNK_LENGTH)
    chunk = below(example_keys(stream, rows), _CHUNK, num_chunks[:, None])[:, 0]
    offsets = chunk * CHUNK_LENGTH
    starts = np.cumsum(kept) - kept
    kept = np.minimum(kept - offsets, CHUNK_LENGTH)
    parts = [tokens[start : start + length] for start, length in zip(starts + offsets, kept, strict=True)]
    return Pages(np.concatenate(parts), rows, offsets, kept)


def cut(pages: Pages, tokens_length: int, pages_a_group: int) -> Pieces:
    """Join each `pages_a_group` pages and cut them into pieces of `tokens_length`; the last of a group may be shorter.

    Two pages of 3 and 4 tokens, joined, in pieces of 5:

    >>> pages = Pages(np.arange(11, 18), np.array([0, 2]), np.array([0, 0]), np.array([3, 4]))
    >>> pieces = cut(pages, 5, pages_a_group=128)
    >>> pieces.tokens
    array([[11, 12, 13, 14, 15],
           [16, 17,  0,  0,  0]])
    >>> pieces.rows, pieces.offsets, pieces.num_pages
    (array([0, 2]), array([0, 2]), array([3, 1]))
    """
    page_starts = np.cumsum(pages.lengths) - pages.lengths
    group_starts = page_starts[::pages_a_group]
    group_lengths = (
        np.add.reduceat(pages.lengths, np.arange(0, len(pages), pages_a_group)) if len(pages) else group_starts
    )
    num_pieces = -(-group_lengths // tokens_length)
    number = np.arange(num_pieces.sum()) - np.repeat(np.cumsum(num_pieces) - num_pieces, num_pieces)
    lengths = np.minimum(np.repeat(group_lengths, num_pieces) - number * tokens_length, tokens_length)
    starts = np.repeat(group_starts, num_pieces) + number * tokens_length
    first = np.searchsorted(page_starts, starts, side="right") - 1
    last = np.searchsorted(page_starts, starts + lengths - 1, side="right") - 1
    tokens = np.zeros((len(lengths), tokens_length), pages.tokens.dtype)
    # Pieces follow one another in the order of the tokens, so the tokens fill the places there are in order.
    tokens[np.arange(tokens_length) < lengths[:, None]] = pages.tokens
    offsets = pages.offsets[first] + starts - page_starts[first]
    return Pieces(tokens, lengths, pages.rows[first], offsets, pages.rows[last] - pages.rows[first] + 1)
