"""How langdetect treats characters: the character that each is folded to, and whether it is a capital."""

import functools

import numpy as np
from langdetect.utils.ngram import NGram

NUM_CODE_POINTS = 0x110000
SPACE = " "

# The blocks in which `NGram.normalize` changes characters. In the first three each character must be asked for; in the
# others the whole block is folded to one character.
_FOLDED_ONE_BY_ONE = (
    (0x0000, 0x024F),  # Latin: all but letters to a space, Romanian commas below to cedillas
    (0x0600, 0x06FF),  # Arabic: Farsi yeh
    (0x1E00, 0x1EFF),  # Vietnamese letters to one letter
)
_FOLDED_TO_ONE = (
    (0x2000, 0x206F),  # general punctuation
    (0x3040, 0x309F),  # Hiragana
    (0x30A0, 0x30FF),  # Katakana
    (0x3100, 0x312F),  # Bopomofo
    (0x31A0, 0x31BF),  # Bopomofo, extended
    (0xAC00, 0xD7AF),  # Hangul
)


@functools.cache
def fold_table() -> np.ndarray:
    """`table[code point]`: the code point that langdetect folds it to. uint32, one entry per code point."""
    table = np.arange(NUM_CODE_POINTS, dtype=np.uint32)
    for first, last in _FOLDED_ONE_BY_ONE:
        for code in range(first, last + 1):
            table[code] = ord(NGram.normalize(chr(code)))
    for first, last in _FOLDED_TO_ONE:
        table[first : last + 1] = ord(NGram.normalize(chr(first)))
    for character, representative in NGram.CJK_MAP.items():
        # langdetect looks up only CJK ideographs in this map, so its other entries have no effect.
        if 0x4E00 <= ord(character) <= 0x9FFF:
            table[ord(character)] = ord(representative)
    return table


@functools.cache
def capital_table() -> np.ndarray:
    """`table[code point]`: whether `str.isupper` is true, by this Python's version of Unicode. bool."""
    return np.fromiter(map(str.isupper, map(chr, range(NUM_CODE_POINTS))), bool, NUM_CODE_POINTS)


@functools.cache
def normalized_characters() -> frozenset[str]:
    """The characters that are folded to themselves or that others are folded to, in the basic plane.

    (No profile has characters of other planes. There, every character is folded to itself.)
    """
    return frozenset(map(chr, set(fold_table()[:0x10000].tolist())))
