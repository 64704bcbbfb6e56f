"""The n-grams of evaluation texts, and their search in a corpus.

As in GPT-3's study (Brown et al. 2020, appendix C): runs of 13 words, ignoring case, punctuation and white space. (Runs
of 8 words are another option.) A text that is shorter than a run must be in the corpus as a whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from c4pipe.words import Words, run_hashes

# A text of fewer words shows no contamination if it is found in a corpus: "yes", "the United States".
FEWEST_WORDS = 5
# Most words of a corpus are in no n-gram. A table of flags excludes most of them before the search.
_FILTER_BITS = 24


@dataclass(frozen=True, slots=True)
class Match:
    """A run of words that an evaluation text and a page share.

    text: the number of the evaluation text. text_word, page_word: the start of the run, in words. length: in words.
    """

    text: int
    text_word: int
    page: int
    page_word: int
    length: int


@dataclass(frozen=True)
class _Table:
    """The n-grams of one length: sorted hashes (n,), and for each the number of its text and of its first word."""

    hashes: np.ndarray
    texts: np.ndarray
    places: np.ndarray
    may_hold: np.ndarray = field(repr=False)


class TaskGrams:
    """The n-grams of all evaluation texts, in memory. Picklable. `find` searches pages for them."""

    def __init__(self, texts: Sequence[str], length: int = 13) -> None:
        """length: words per n-gram. Raises: ValueError if it is below `FEWEST_WORDS`."""
        if length < FEWEST_WORDS:
            raise ValueError(f"an n-gram must have at least {FEWEST_WORDS} words, not {length}")
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
        """The number of n-grams per text, (texts,) int64; 0 for a text that is too short to be judged."""
        return np.where(self.lengths, self.num_words - self.lengths + 1, 0)

    def find(self, pages: Sequence[str]) -> list[Match]:
        """All n-grams of the pages that are also in an evaluation text.

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
