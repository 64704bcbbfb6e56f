"""Splits texts into words for comparison, by one rule for all scripts, and hashes the words to 64 bits.

Case and punctuation do not count. Scripts that put no blanks between words (Chinese, Japanese, Thai, Lao, Khmer,
Burmese) are compared character by character.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import chain

import numpy as np

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
# Scripts without blanks between words: Thai, Lao; Burmese; Khmer; kana; Han with its extensions.
_UNSPACED_RANGES = (
    ("\u0e00", "\u0eff"),
    ("\u1000", "\u109f"),
    ("\u1780", "\u17ff"),
    ("\u3040", "\u30ff"),
    ("\u31f0", "\u31ff"),
    ("\u3400", "\u4dbf"),
    ("\u4e00", "\u9fff"),
    ("\uf900", "\ufaff"),
)
# Beyond the first plane, letters lie below the pictographs and Han above them. Finer classes would make `re` slow.
_OTHER_LETTERS = "\U00010000-\U0001efff"
_OTHER_HAN = "\U00020000-\U0003ffff"
_LAST_CODE = 0xFFFF
# A new word must be hashed. A crawl has an unlimited number of words, so a worker remembers only the first it meets.
_MOST_REMEMBERED = 1 << 20


def _is_of_word(character: str) -> bool:
    # Marks belong to words: for example, the vowel signs of Indian scripts are marks.
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _is_unspaced(character: str) -> bool:
    return any(first <= character <= last for first, last in _UNSPACED_RANGES)


def _word_characters(*, unspaced: bool) -> str:
    """The word characters of scripts with or without blanks, as the inside of a character class for `re`."""
    ranges: list[list[int]] = []
    for code in range(_LAST_CODE + 1):
        if _is_of_word(chr(code)) and _is_unspaced(chr(code)) == unspaced:
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


@lru_cache(maxsize=1)
def _word_pattern() -> re.Pattern[str]:
    in_word = f"[{_word_characters(unspaced=False)}{_OTHER_LETTERS}]"
    alone = f"[{_word_characters(unspaced=True)}{_OTHER_HAN}]"
    # A decimal point or comma between digits does not end a number.
    return re.compile(rf"{in_word}+(?:(?<=\d)[.,]\d{in_word}*)?|{alone}")


class Words:
    """Splits texts into words and hashes them. Picklable. A worker uses one instance for all its pages."""

    def __init__(self, compared_as: Callable[[str], str] = str) -> None:
        """compared_as: maps a word in lower case to the word it is compared as; a module-level function (picklable)."""
        self._compared_as = compared_as
        self._pattern = _word_pattern()
        self._find = self._pattern.findall
        self._hashes = _WordHashes(compared_as)

    def split(self, text: str) -> list[str]:
        """The words of a text, as they are compared.

        >>> Words().split("It's 3.14 degrees, Café No. 12b!")
        ['it', 's', '3.14', 'degrees', 'café', 'no', '12b']
        """
        return [self._compared_as(word) for word in self._find(text.lower())]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """The place of each word in a text: (start, end) in characters.

        >>> Words().spans("It's it")
        [(0, 2), (3, 4), (5, 7)]
        """
        # A text may become longer in lower case (the Turkish capital I with a dot). Then the text itself is searched.
        lowered = text.lower()
        return [match.span() for match in self._pattern.finditer(lowered if len(lowered) == len(text) else text)]

    def hashes(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(the hashes of all words, (n,) uint64; the number of words per text, (len(texts),) int64)."""
        found = [self._find(text.lower()) for text in texts]
        counts = np.fromiter(map(len, found), np.int64, len(found))
        # Joining bytes is several times as fast as passing numbers to numpy one by one.
        packed = b"".join(map(self._hashes.__getitem__, chain.from_iterable(found)))
        return np.frombuffer(packed, "<u8").astype(np.uint64, copy=False), counts

    def __reduce__(self):
        return Words, (self._compared_as,)


class _WordHashes(dict[str, bytes]):
    """Word -> hash of the word that it is compared as, 8 bytes. Remembers the first words that it meets."""

    def __init__(self, compared_as: Callable[[str], str]) -> None:
        super().__init__()
        self._compared_as = compared_as

    def __missing__(self, word: str) -> bytes:
        value = word_hash(self._compared_as(word))
        if len(self) < _MOST_REMEMBERED:
            self[word] = value
        return value


def word_hash(word: str) -> bytes:
    """8 bytes that depend on the word alone: a little-endian number."""
    return blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()


_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def run_hashes(words: np.ndarray, counts: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """One hash for each run of `length` words (an n-gram) of some texts, from the hashes of their words.

    words: (n,) uint64, text after text. counts: words per text. A text of fewer than `length` words has no runs.
    Returns: (hashes, (m,) uint64, text after text; runs per text, (len(counts),) int64).

    >>> hashes, counts = run_hashes(np.arange(9, dtype=np.uint64), np.array([6, 3]), length=5)
    >>> counts.tolist(), len(hashes)
    ([2, 0], 2)
    """
    num_runs = np.maximum(counts - (length - 1), 0)
    if len(words) < length:
        return np.zeros(0, np.uint64), num_runs
    joined = words[: len(words) - length + 1].copy()
    for place in range(1, length):
        joined *= _MULTIPLIER
        joined ^= joined >> np.uint64(29)
        joined += words[place : len(words) - length + 1 + place]
    # A run that begins in the last words of a text would reach into the next one.
    starts = np.cumsum(counts) - counts
    inside = np.zeros(len(words) + 1, np.int8)
    np.add.at(inside, starts[num_runs > 0], 1)
    np.subtract.at(inside, (starts + num_runs)[num_runs > 0], 1)
    return mixed(joined[np.cumsum(inside[: len(joined)], dtype=np.int8).astype(bool)]), num_runs


def mixed(values: np.ndarray) -> np.ndarray:
    """splitmix64's finaliser: each bit of the result depends on all bits of the value. (n,) uint64 -> (n,) uint64."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
