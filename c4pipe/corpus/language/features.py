"""The n-grams of many pages at once: how many each page has, and the row of the n-th."""

import numpy as np

from c4pipe.corpus.language.cleanup import clean_text, without_latin
from c4pipe.corpus.language.ngram_tables import BOUNDARY_ID, COUNT_BITS, NO_ROW, NgramTables


class Features:
    """The n-grams of some pages, in langdetect's order: by the character they end with, then by length.

    `num_ngrams` (pages,) int64: how many n-grams of the profiles each page has, repetitions counted.
    """

    def __init__(self, texts: list[str], tables: NgramTables):
        codes = [_code_points(text) for text in texts]
        lengths = np.array([len(page) + 1 for page in codes])
        ends = np.cumsum(lengths)
        # Each page begins after a boundary; the first of them counts as the space before the first page.
        joined = np.zeros(int(ends[-1]) + 1, np.uint32)
        np.concatenate([part for page in codes for part in (_GAP, page)] + [_GAP], out=joined)
        ids = tables.id_of_code_point.take(joined)
        ids[0] = BOUNDARY_ID
        ids[ends] = BOUNDARY_ID
        ids = ids.astype(np.int64)

        # (characters - 1,): the pair that ends at character i + 1.
        pair = ids[:-1] * tables.num_ids
        pair += ids[1:]
        packed = tables.pairs.take(pair)
        base = packed[:-1] >> COUNT_BITS
        slot = ids[2:] + base
        is_trigram = tables.slot_base.take(slot) == base
        count = packed & ((1 << COUNT_BITS) - 1)
        count[1:] += is_trigram
        # (characters,): n-grams that end before or at character i; a boundary has none.
        upto = np.zeros(len(ids), np.int32)
        np.cumsum(count, out=upto[1:], dtype=np.int32)

        self._tables = tables
        self._ids = ids
        self._upto = upto
        at_ends = upto[np.concatenate(([0], ends))]
        self._first = at_ends[:-1].astype(np.int64)
        self.num_ngrams = np.diff(at_ends).astype(np.int64)

    def rows(self, page: np.ndarray, number: np.ndarray) -> np.ndarray:
        """The profiles' rows of n-grams `number` (counted from 0) of pages `page`; int32, the shape of both."""
        tables = self._tables
        number = number + self._first[page]
        character = np.searchsorted(self._upto, number, side="right")
        number -= self._upto[character - 1]
        third = self._ids[character]
        second = self._ids[character - 1]
        pair = second * tables.num_ids + third
        unigram = tables.unigram_row[third]
        bigram = tables.bigram_row[pair]
        first = self._ids[np.maximum(character - 2, 0)]
        base = tables.pairs[first * tables.num_ids + second] >> COUNT_BITS
        trigram = tables.trigram_row[base + third]
        has_unigram = unigram != NO_ROW
        rows = np.where(bigram != NO_ROW, np.where(number == has_unigram, bigram, trigram), trigram)
        return np.where(has_unigram & (number == 0), unigram, rows)


_GAP = np.zeros(1, np.uint32)


def _code_points(text: str) -> np.ndarray:
    cleaned = clean_text(text)
    codes = np.frombuffer(cleaned.encode("utf-32-le", "surrogatepass"), np.uint32)
    return codes if cleaned.isascii() else without_latin(codes)
