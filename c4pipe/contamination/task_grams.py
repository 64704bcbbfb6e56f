"""The n-grams of evaluation texts, and where a corpus has them.

As in GPT-3's study (Brown et al. 2020, appendix C): runs of 13 words (8 are offered) without regard to case,
punctuation and white space; a text that is shorter than a run must stand in the corpus as a whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from c4pipe.words import Words, run_hashes

# A text of fewer words says nothing when it stands in a corpus: "yes", "the United States".
FEWEST_WORDS = 5
# Most words of a corpus are in no gram: a table of bits sorts them out before the search.
_FILTER_BITS = 24


@dataclass(frozen=True, slots=True)
class Match:
    """A run of words that an evaluation text and a page share.

    text: number of the evaluation text. text_word, page_word: where the run begins, in words. length: in words.
    """

    text: int
    text_word: int
    page: int
    page_word: int
    length: int


@dataclass(frozen=True)
class _Table:
    """Grams of one length: hashes (n,) sorted, and for each the number of its text and of its first word there."""

    hashes: np.ndarray
    texts: np.ndarray
    places: np.ndarray
    may_hold: np.ndarray = field(repr=False)


class TaskGrams:
    """The grams of all evaluation texts, in memory. Picklable; `find` looks pages up in them."""

    def __init__(self, texts: Sequence[str], length: int = 13) -> None:
        """length: words of a gram. Raises: ValueError if it is below the fewest words that say something."""
        if length < FEWEST_WORDS:
            raise ValueError(f"a gram has at least {FEWEST_WORDS} words, not {length}")
        self._words = Words()
        hashes, counts = self._words.hashes(texts)
        starts = np.cumsum(counts) - counts
        self.num_words = counts
        self.lengths = np.where(counts < FEWEST_WORDS, 0, np.minimum(counts, length))
        self._tables = {
            int(gram): _table(hashes, starts, counts, np.flatnonzero(self.lengths == gram), int(gram))
            for gram in np.unique(self.lengths)
            if gram
        }

    def num_grams(self) -> np.ndarray:
        """Grams per text, (texts,) int64; 0 for a text that is too short to be judged."""
        return np.where(self.lengths, self.num_words - self.lengths + 1, 0)

    def find(self, pages: Sequence[str]) -> list[Match]:
        """Every gram of a page that an evaluation text has too.

        >>> grams = TaskGrams(["the cat sat on the mat"])
        >>> grams.find(["Nothing here.", "He said: The cat sat -- on the MAT!"])
        [Match(text=0, text_word=0, page=1, page_word=2, length=6)]
        """
        words, counts = self._words.hashes(pages)
        return [match for gram, table in self._tables.items() for match in _find(table, words, counts, gram)]


def _table(hashes: np.ndarray, starts: np.ndarray, counts: np.ndarray, texts: np.ndarray, length: int) -> _Table:
    words = np.concatenate([hashes[starts[text] : starts[text] + counts[text]] for text in texts])
    grams, num_grams = run_hashes(words, counts[texts], length)
    places = np.arange(len(grams)) - np.repeat(np.cumsum(num_grams) - num_grams, num_grams)
    order = np.argsort(grams, kind="stable")
    may_hold = np.zeros(1 << _FILTER_BITS, bool)
    may_hold[_filter_place(grams)] = True
    return _Table(grams[order], np.repeat(texts, num_grams)[order], places[order], may_hold)


def _filter_place(grams: np.ndarray) -> np.ndarray:
    return (grams >> np.uint64(64 - _FILTER_BITS)).astype(np.int64)


def _find(table: _Table, words: np.ndarray, counts: np.ndarray, length: int) -> Iterable[Match]:
    grams, num_grams = run_hashes(words, counts, length)
    candidates = np.flatnonzero(table.may_hold[_filter_place(grams)])
    first = np.searchsorted(table.hashes, grams[candidates], side="left")
    end = np.searchsorted(table.hashes, grams[candidates], side="right")
    page_ends = np.cumsum(num_grams)
    for candidate, low, high in zip(candidates.tolist(), first.tolist(), end.tolist(), strict=True):
        if low == high:
            continue
        page = int(np.searchsorted(page_ends, candidate, side="right"))
        page_word = candidate - int(page_ends[page] - num_grams[page])
        for entry in range(low, high):
            yield Match(int(table.texts[entry]), int(table.places[entry]), page, page_word, length)
