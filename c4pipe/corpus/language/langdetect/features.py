"""The n-grams of several pages at once: their number per page, and the row of each in the profiles' matrix."""

import numpy as np

from c4pipe.corpus.language.langdetect.cleanup import clean_text, drop_latin
from c4pipe.corpus.language.langdetect.ngram_tables import BOUNDARY_ID, COUNT_BITS, NO_ROW, NgramTables

# Each character has four places. The n-grams that end with the character (up to three) take the first places.
PLACE_BITS = 2
_PLACES_OF_COUNT = np.array([[k < count for k in range(1 << PLACE_BITS)] for count in range(4)]).view(np.uint32)[:, 0]


class Features:
    """The n-grams of some pages, in langdetect's order: by the character they end with, then by length.

    All pages lie one after the other in one array, and their n-grams are numbered through. Page `p` has the n-grams
    `first[p]` to `first[p] + num_ngrams[p] - 1` (both arrays (pages,) int32; repeated n-grams count each time).
    """

    def __init__(self, texts: list[str], tables: NgramTables):
        codes, ends = _join(texts)
        # (If no index is out of bounds, as here, `wrap` is the fastest mode of `take`.)
        ids = tables.id_of_code_point.take(codes, mode="wrap")
        ids[0] = BOUNDARY_ID
        ids[ends] = BOUNDARY_ID

        # Pair k has the characters k and k + 1; trigram k has the characters k to k + 2.
        pair = ids[:-1] * np.int32(tables.num_ids)
        pair += ids[1:]
        packed = tables.pairs.take(pair, mode="wrap")
        base = packed[:-1] >> COUNT_BITS
        slot = ids[2:] + base
        is_trigram = tables.slot_base.take(slot, mode="wrap") == base
        packed &= (1 << COUNT_BITS) - 1
        packed[1:] += is_trigram
        places = _PLACES_OF_COUNT.take(packed, mode="wrap").view(np.bool_)

        self._tables = tables
        self._ids = ids
        # (n-grams,): the value 4 p + k means place k of pair p.
        self._places = np.flatnonzero(places)
        upto = np.searchsorted(self._places, ends << PLACE_BITS).astype(np.int32)
        self.first = np.concatenate((upto[:1] * 0, upto[:-1]))
        self.num_ngrams = upto - self.first

    def rows(self, number: np.ndarray) -> np.ndarray:
        """The rows in the profiles' matrix of the n-grams with these numbers: (n,) -> (n,) int32."""
        tables, ids = self._tables, self._ids
        place = self._places.take(number)
        last = place >> PLACE_BITS
        place &= (1 << PLACE_BITS) - 1
        second = ids.take(last)
        last += 1
        third = ids.take(last)
        last -= 2
        first = ids.take(last, mode="clip")
        bigram = tables.bigram_row.take(second * np.int32(tables.num_ids) + third)
        base = tables.pairs.take(first * np.int32(tables.num_ids) + second) >> COUNT_BITS
        rows = tables.trigram_row.take(base + third)
        unigram = tables.unigram_row.take(third)
        has_unigram = unigram != NO_ROW
        np.copyto(rows, bigram, where=(bigram != NO_ROW) & (place == has_unigram))
        np.copyto(rows, unigram, where=has_unigram & (place == 0))
        return rows


def _join(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The code points of the cleaned texts, with one separator before, between and after them; the ends of the texts.

    >>> _join(["ab", "", "c"])
    (array([10, 97, 98, 10, 10, 99, 10], dtype=uint32), array([3, 4, 6]))
    """
    cleaned = [clean_text(text) for text in texts]
    joined = "\n".join(["", *cleaned, ""])
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = np.cumsum([len(text) + 1 for text in cleaned])
    if joined.isascii():
        return codes, ends
    return drop_latin(codes, ends)
