"""Shingles: the runs of five words by which two pages are compared, each as one 64-bit number.

Words are compared as in datatrove's MinHash, apart from its tokenizer: lower case, each number is one `0`, punctuation
separates, accents are left out (`simplify_text` of datatrove 0.10.1).
"""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from c4pipe.words import Words, run_hashes

SHINGLE_WORDS = 5
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


def normalized(word: str) -> str:
    """A word in lower case as it is compared: numbers are `0`, accents are gone.

    >>> normalized("été"), normalized("b2b"), normalized("1,000")
    ('ete', 'b0b', '0')
    """
    word = _NUMBER.sub("0", word)
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFD", word) if unicodedata.category(c) != "Mn") or word


class Shingles:
    """Computes shingles. Picklable; a worker keeps one for all its pages, because it remembers words."""

    def __init__(self) -> None:
        self._words = Words(normalized)

    def of_texts(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(the shingles' hashes, (n,) uint64, text after text; shingles per text, (len(texts),) int64).

        A text of fewer than five words has none.
        """
        words, counts = self._words.hashes(texts)
        return run_hashes(words, counts, SHINGLE_WORDS)
