"""Shingles: the runs of five words by which two pages are compared, each as a 64-bit hash.

Words are normalised as in datatrove's MinHash (`simplify_text` of datatrove 0.10.1): lower case, numbers become `0`,
punctuation separates words, accents are removed. Only the tokenizer is different.
"""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from c4pipe.words import Words, run_hashes

SHINGLE_WORDS = 5
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


def normalized(word: str) -> str:
    """The form in which a word is compared: numbers become `0`, accents are removed. word: in lower case.

    >>> normalized("été"), normalized("b2b"), normalized("1,000")
    ('ete', 'b0b', '0')
    """
    word = _NUMBER.sub("0", word)
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFD", word) if unicodedata.category(c) != "Mn") or word


class Shingles:
    """Computes shingles. Picklable. A worker should use one instance for all its pages, because it caches words."""

    def __init__(self) -> None:
        self._words = Words(normalized)

    def of_texts(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(the shingles' hashes, (n,) uint64, text after text; shingles per text, (len(texts),) int64).

        A text of fewer than five words has no shingles.
        """
        words, counts = self._words.hashes(texts)
        return run_hashes(words, counts, SHINGLE_WORDS)
