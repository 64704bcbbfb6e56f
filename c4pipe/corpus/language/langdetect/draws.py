"""langdetect's random numbers: its seed is 0 for every page, so every page gets the same words of the Mersenne Twister.

How the words are used depends only on the page's number of n-grams. So the words are stored once in an array, and
`random.choice` and `random.gauss` become arithmetic on indices into this array.
"""

import functools
import math
import random
from dataclasses import dataclass

import numpy as np

SEED = 0
ALPHA_DEFAULT = 0.5  # Detector.ALPHA_DEFAULT, ALPHA_WIDTH, BASE_FREQ
ALPHA_WIDTH = 0.05
BASE_FREQUENCY = 10_000
WORDS_PER_GAUSS = 4


@functools.cache
def words(num_words: int) -> np.ndarray:
    """(num_words,) uint32: the first words of the random stream."""
    bits = random.Random(SEED).getrandbits(32 * num_words)
    return np.frombuffer(bits.to_bytes(4 * num_words, "little"), "<u4")


class SmoothingWeights:
    """The weights that smoothing adds to each frequency in two consecutive trials, by the word at which they are drawn.

    `random.gauss` makes two numbers from two uniform numbers, and keeps the second for the next call. A uniform number
    takes two words. Weights are computed when first needed, with Python's `math`: numpy's sine may differ in the last
    bit.
    """

    def __init__(self, num_words: int):
        self._words = words(num_words)
        self._weights = np.full((2, num_words), np.nan)

    def __getitem__(self, word: np.ndarray) -> np.ndarray:
        """(2, words) float64, for indices `word` (words,) into the stream."""
        found = self._weights[:, word]
        # Both rows are tested, because another thread may be writing them just now.
        is_missing = np.isnan(found).any(axis=0)
        if is_missing.any():
            for place in np.unique(word[is_missing]).tolist():
                self._weights[:, place] = self._at(place)
            found = self._weights[:, word]
        return found

    def _at(self, place: int) -> tuple[float, float]:
        first, second, third, fourth = self._words[place : place + WORDS_PER_GAUSS].tolist()
        angle = _uniform(first, second) * (2.0 * math.pi)
        radius = math.sqrt(-2.0 * math.log(1.0 - _uniform(third, fourth)))
        cosine, sine = math.cos(angle) * radius, math.sin(angle) * radius
        return (
            (ALPHA_DEFAULT + cosine * ALPHA_WIDTH) / BASE_FREQUENCY,
            (ALPHA_DEFAULT + sine * ALPHA_WIDTH) / BASE_FREQUENCY,
        )


def _uniform(first: int, second: int) -> float:
    """`random.random` from two words: 53 bits of them."""
    return ((first >> 5) * 67108864.0 + (second >> 6)) * (1.0 / 9007199254740992.0)


@functools.cache
def smoothing_weights(num_words: int) -> SmoothingWeights:
    """The weights for a stream of this many words. Cached, because the same indices are needed again and again."""
    return SmoothingWeights(num_words)


@dataclass
class Draws:
    """The results of `random.choice` for some pages, over the whole stream.

    `random.choice` of n items takes as many of a word's top bits as n has bits, and tries the next word if the result
    is not below n. The accepted words of all pages are stored one page after the other:

    `word`, `number` (draws,) int32: the index of the word in the stream, and the item that it chose. `num_draws`
    (pages,) int64: the number of draws per page. `accepted` (pages, words) int32: for each page, how many words up to
    and including this word are accepted.
    """

    num_words: int
    word: np.ndarray
    number: np.ndarray
    num_draws: np.ndarray
    accepted: np.ndarray


def draw(num_items: np.ndarray, first_item: np.ndarray, num_words: int) -> Draws:
    """Draws from the items of each page: `num_items` (pages,) items, numbered from `first_item` (pages,) on."""
    bits = np.frexp(num_items.astype(np.float64))[1]  # n.bit_length()
    drawn = (words(num_words)[None, :] >> (32 - bits[:, None]).astype(np.uint32)).view(np.int32)
    is_accepted = drawn < num_items[:, None]
    accepted = np.cumsum(is_accepted, axis=1, dtype=np.int32)
    drawn += first_item[:, None]
    places = np.broadcast_to(np.arange(num_words, dtype=np.int32), drawn.shape)
    return Draws(num_words, places[is_accepted], drawn[is_accepted], accepted[:, -1].astype(np.int64), accepted)


def join_draws(parts: list[Draws]) -> Draws:
    """The draws of all parts, one part after the other."""
    arrays = ("word", "number", "num_draws", "accepted")
    return Draws(parts[0].num_words, *(np.concatenate([getattr(part, name) for part in parts]) for name in arrays))
