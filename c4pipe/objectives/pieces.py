"""Cuts pages into pieces of the objective's length: takes a chunk of each page, joins pages, and cuts the result.

The steps are those of the reference: `select_random_chunk` (a page of more than 65,536 tokens keeps one of its chunks),
`reduce_concat_tokens` (128 pages become one sequence, with nothing between them), `split_tokens` (the last, shorter
piece of a sequence stays). Pages without tokens are removed before pages are grouped.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from c4pipe.objectives.lengths import MAX_TOKENS_LENGTH
from c4pipe.objectives.randomness import below, example_keys

PAGES_PER_GROUP = 128
CHUNK_LENGTH = MAX_TOKENS_LENGTH
_CHUNK = 16  # a purpose of random numbers; see noise_masks and corruption for the others


@dataclass(frozen=True)
class Pages:
    """Tokens of consecutive pages of a text shard, without the empty ones.

    tokens: (sum of lengths,) one page after the other. rows: (p,) each page's row in its shard, ascending.
    offsets: (p,) the place of the first token in its page. lengths: (p,) tokens, at least 1.
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
        """The pages of all parts, one part after the other."""
        if len(parts) == 1:
            return parts[0]
        fields = ("tokens", "rows", "offsets", "lengths")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


@dataclass(frozen=True)
class Pieces:
    """Pieces ready to be corrupted.

    tokens: (b, n) ids, 0 after the length. lengths: (b,) at least 1. rows, offsets: (b,) for the first token of each
    piece, the row of its page and its place in the page. num_pages: (b,) the number of consecutive rows that the piece
    covers. denoisers: (b,) uint8, for a mixture of objectives: the number of the one that corrupts the piece.
    """

    tokens: np.ndarray
    lengths: np.ndarray
    rows: np.ndarray
    offsets: np.ndarray
    num_pages: np.ndarray
    denoisers: np.ndarray | None = None

    def blocks(self, size: int) -> "Iterator[Pieces]":
        """Yield the same pieces in blocks of at most `size`."""
        columns: dict[str, Any] = {column.name: getattr(self, column.name) for column in fields(self)}
        for start in range(0, len(self.lengths), size):
            part = slice(start, start + size)
            of_block: dict[str, Any] = {
                name: values if values is None else values[part] for name, values in columns.items()
            }
            yield Pieces(**of_block)


def choose_chunks(tokens: np.ndarray, lengths: np.ndarray, first_row: int, stream: int) -> Pages:
    """Drop empty pages and keep one random chunk of each page that is longer than 65,536 tokens.

    Args:
        tokens: (sum of lengths,) ids of consecutive pages. lengths: (p,). first_row: the first page's row.
        stream: a key from `randomness.stream_key`. The chunk depends only on it and on the page's row.
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


def cut(pages: Pages, tokens_length: int, pages_per_group: int) -> Pieces:
    """Join pages into groups, and cut each group into pieces of `tokens_length` tokens; its last piece may be shorter.

    For example, two pages of 3 and 4 tokens, joined and cut into pieces of 5:

    >>> pages = Pages(np.arange(11, 18), np.array([0, 2]), np.array([0, 0]), np.array([3, 4]))
    >>> pieces = cut(pages, 5, pages_per_group=128)
    >>> pieces.tokens
    array([[11, 12, 13, 14, 15],
           [16, 17,  0,  0,  0]])
    >>> pieces.rows, pieces.offsets, pieces.num_pages
    (array([0, 2]), array([0, 2]), array([3, 1]))
    """
    group_lengths = _group_lengths(pages, pages_per_group)
    num_pieces = -(-group_lengths // tokens_length)
    number = np.arange(num_pieces.sum()) - np.repeat(np.cumsum(num_pieces) - num_pieces, num_pieces)
    lengths = np.minimum(np.repeat(group_lengths, num_pieces) - number * tokens_length, tokens_length)
    return _pieces_of(pages, lengths, tokens_length)


def cut_unequally(pages: Pages, denoisers: np.ndarray, tokens_lengths: np.ndarray, pages_per_group: int) -> Pieces:
    """As `cut`, for pieces that have the lengths of their denoisers; the last piece of a group may be shorter.

    denoisers: (p,) uint8, the denoisers of the next p examples; p at least `most_pieces`. tokens_lengths: of each
    denoiser. For example, one denoiser takes 5 tokens, the other 2:

    >>> pages = Pages(np.arange(11, 18), np.array([0, 2]), np.array([0, 0]), np.array([3, 4]))
    >>> pieces = cut_unequally(pages, np.array([1, 0, 1, 0]), np.array([5, 2]), pages_per_group=1)
    >>> pieces.tokens
    array([[11, 12,  0,  0,  0],
           [13,  0,  0,  0,  0],
           [14, 15,  0,  0,  0],
           [16, 17,  0,  0,  0]])
    """
    planned = tokens_lengths[denoisers]
    ends = np.concatenate([[0], np.cumsum(planned)])
    lengths = planned.copy()
    num_pieces = 0
    for group_length in _group_lengths(pages, pages_per_group).tolist():
        start = ends[num_pieces]
        num_pieces = int(np.searchsorted(ends, start + group_length))
        lengths[num_pieces - 1] = start + group_length - ends[num_pieces - 1]
    made = _pieces_of(pages, lengths[:num_pieces], int(tokens_lengths.max()))
    return replace(made, denoisers=denoisers[:num_pieces])


def most_pieces(pages: Pages, least_tokens_length: int, pages_per_group: int) -> int:
    """The largest possible number of pieces of at least this length, the last of each group excepted."""
    return int((-(-_group_lengths(pages, pages_per_group) // least_tokens_length)).sum())


def _group_lengths(pages: Pages, pages_per_group: int) -> np.ndarray:
    """The number of tokens of each group of pages."""
    starts = np.arange(0, len(pages), pages_per_group)
    return np.add.reduceat(pages.lengths, starts) if len(pages) else pages.lengths


def _pieces_of(pages: Pages, lengths: np.ndarray, width: int) -> Pieces:
    """The pieces of these lengths (b,), one after the other, in rows of `width` places."""
    page_starts = np.cumsum(pages.lengths) - pages.lengths
    starts = np.cumsum(lengths) - lengths
    first = np.searchsorted(page_starts, starts, side="right") - 1
    last = np.searchsorted(page_starts, starts + lengths - 1, side="right") - 1
    tokens = np.zeros((len(lengths), width), pages.tokens.dtype)
    # The pieces have the order of the tokens, so the tokens fill all places in order.
    tokens[np.arange(width) < lengths[:, None]] = pages.tokens
    offsets = pages.offsets[first] + starts - page_starts[first]
    return Pieces(tokens, lengths, pages.rows[first], offsets, pages.rows[last] - pages.rows[first] + 1)
