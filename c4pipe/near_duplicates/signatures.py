"""MinHash signatures of pages, with one hash per band. Two pages match if they have the same hash for a band.

Source: Broder 1997 (MinHash); banding as in datatrove 0.10.1, whose numbers are the defaults: 14 bands of 8 rows. Pages
whose sets of shingles have a Jaccard similarity of s share a band with probability 1 - (1 - s^8)^14.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from c4pipe.near_duplicates.shingles import Shingles
from c4pipe.words import mixed

# Shingles per block: this many fit into a core's cache together with their hashes.
_BLOCK_SHINGLES = 1 << 15
_SEED = 0x6D696E68617368  # "minhash"


@dataclass(frozen=True)
class Banding:
    """The shape of a signature: it has `bands` x `rows_per_band` hashes."""

    bands: int = 14
    rows_per_band: int = 8

    def probability(self, similarity: float) -> float:
        """The probability that two pages with this Jaccard similarity match.

        >>> round(Banding().probability(0.8), 3)
        0.924
        """
        return float(1 - (1 - similarity**self.rows_per_band) ** self.bands)


class Signatures:
    """Computes signatures. Picklable. A worker should use one instance for all its pages, because it caches words."""

    def __init__(self, banding: Banding = Banding()) -> None:
        self._banding = banding
        self._shingles = Shingles()
        num_functions = banding.bands * banding.rows_per_band
        numbers = mixed(np.arange(2 * num_functions, dtype=np.uint64) + np.uint64(_SEED))
        # An odd factor makes each function a permutation of the 64-bit numbers.
        self._factors, self._terms = numbers[::2] | np.uint64(1), numbers[1::2]

    def of_texts(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The signatures of some texts.

        Returns: (indices of the texts that have a signature, (m,) int64; their band hashes, (m, bands) uint64). A text
        of fewer than five words has no signature, and so matches no other text.
        """
        shingles, counts = self._shingles.of_texts(texts)
        pages = np.flatnonzero(counts)
        return pages, self.of_shingles(shingles, counts[pages])

    def of_shingles(self, shingles: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Band hashes (m, bands) uint64. shingles: one page after the other. counts: (m,) per page, at least 1."""
        starts = np.cumsum(counts) - counts
        blocks = [
            self._smallest(
                shingles[starts[first] : starts[last] + counts[last]], starts[first : last + 1] - starts[first]
            )
            for first, last in _blocks(counts)
        ]
        smallest = np.concatenate(blocks) if blocks else np.zeros((0, len(self._factors)), np.uint64)
        return _join_rows(smallest.reshape(len(counts), self._banding.bands, self._banding.rows_per_band))

    def _smallest(self, shingles: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """The smallest value of each hash function over each page's shingles: (pages, functions)."""
        smallest = np.empty((len(self._factors), len(starts)), np.uint64)
        values = np.empty_like(shingles)
        for number, (factor, term) in enumerate(zip(self._factors, self._terms, strict=True)):
            np.multiply(shingles, factor, out=values)
            np.add(values, term, out=values)
            np.minimum.reduceat(values, starts, out=smallest[number])
        return smallest.T


def _blocks(counts: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield (first page, last page) of blocks with at most about 32,000 shingles. A longer page is a block of its own.

    >>> list(_blocks(np.array([20_000, 20_000, 90_000, 5])))
    [(0, 0), (1, 1), (2, 2), (3, 3)]
    >>> list(_blocks(np.array([9, 20_000, 8, 40_000])))
    [(0, 2), (3, 3)]
    """
    first, num_shingles = 0, 0
    for page, count in enumerate(counts.tolist()):
        if page > first and num_shingles + count > _BLOCK_SHINGLES:
            yield first, page - 1
            first, num_shingles = page, 0
        num_shingles += count
    if len(counts):
        yield first, len(counts) - 1


def _join_rows(smallest: np.ndarray) -> np.ndarray:
    """(pages, bands, rows) -> (pages, bands): joins the rows of each band into one 64-bit hash."""
    joined = np.zeros(smallest.shape[:2], np.uint64)
    for row in range(smallest.shape[2]):
        joined = mixed(joined + smallest[:, :, row])
    return joined
