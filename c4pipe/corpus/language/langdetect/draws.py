"""langdetect's random stream: seed 0 for every page, so the same Mersenne Twister words for every page.

Which word becomes what depends on the page only by its number of n-grams, so the words are laid out once, and
`random.choice` and `random.gauss` become arithmetic on places in that row.
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
WORDS_A_GAUSS = 4


@functools.cache
def words(num_words: int) -> np.ndarray:
    """(num_words,) uint32: the first words of the stream."""
    bits = random.Random(SEED).getrandbits(32 * num_words)
    return np.frombuffer(bits.to_bytes(4 * num_words, "little"), "<u4")


class SmoothingWeights:
    """What smoothing adds to each frequency in two trials, the first of which is drawn at a certain word.

    `random.gauss` makes two numbers of two uniform ones and keeps the second for the next call; a uniform one takes two
    words. Worked out when first asked for, by Python's `math`: numpy's sine may differ in the last bit.
    """

    def __init__(self, num_words: int):
        self._words = words(num_words)
        self._weights = np.full((2, num_words), np.nan)

    def __getitem__(self, word: np.ndarray) -> np.ndarray:
        """(2, words) float64, for `word` (words,) places in the stream."""
        found = self._weights[:, word]
        # Both rows are looked at: another thread may be writing.
        is_missing = np.isnan(found).any(axis=0)
        if is_missing.any():
            for place in np.unique(word[is_missing]).tolist():
                self._weights[:, place] = self._at(place)
            found = self._weights[:, word]
        return found

    def _at(self, place: int) -> tuple[float, float]:
        first, second, third, fourth = self._words[place : place + WORDS_A_GAUSS].tolist()
        angle = _uniform(first, second) * (2.0 * math.pi)
        radius = math.sqrt(-2.0 * math.log(1.0 - _uniform(third, fourth)))
        cosine, sine = math.cos(angle) * radius, math.sin(angle) * radius
        return (
            (ALPHA_DEFAULT + cosine * ALPHA_WIDTH) / BASE_FREQUENCY,
            (ALPHA_DEFAULT + sine * ALPHA_WIDTH) / BASE_FREQUENCY,
        )


def _uniform(first: int, second: int) -> float:
    """`random.random` of two words: 53 bits of them."""
    return ((first >> 5) * 67108864.0 + (second >> 6)) * (1.0 / 9007199254740992.0)


@functools.cache
def smoothing_weights(num_words: int) -> SmoothingWeights:
    """The weights for a stream of so many words; kept, because the same places come again and again."""
    return SmoothingWeights(num_words)


@dataclass
class Draws:
    """What `random.choice` gives for some pages, all along the stream.

    `random.choice` of n things takes the top bits of a word, as many as n has, and tries the next word where that is
    not below n. The accepted words of all pages stand behind each other:

    `word`, `number` (draws,) int32: which word of the stream, and which thing it chose; `num_draws` (pages,) int64: how
    many of them are a page's; `accepted` (pages, words) int32: how
    many of the page's words are accepted up to and with this one.
    """

    num_words: int
    word: np.ndarray
    number: np.ndarray
    num_draws: np.ndarray
    accepted: np.ndarray


def draw(num_things: np.ndarray, first_thing: np.ndarray, num_words: int) -> Draws:
    """Draws from the things of each page, `num_things` (pages,) of them, numbered from `first_thing` (pages,) on."""
    bits = np.frexp(num_things.astype(np.float64))[1]  # n.bit_length()
    drawn = (words(num_words)[None, :] >> (32 - bits[:, None]).astype(np.uint32)).view(np.int32)
    is_accepted = drawn < num_things[:, None]
    accepted = np.cumsum(is_accepted, axis=1, dtype=np.int32)
    drawn += first_thing[:, None]
    places = np.broadcast_to(np.arange(num_words, dtype=np.int32), drawn.shape)
    return Draws(num_words, places[is_accepted], drawn[is_accepted], accepted[:, -1].astype(np.int64), accepted)


def join_draws(parts: list[Draws]) -> Draws:
    """The pages of all parts behind each other."""
    arrays = ("word", "number", "num_draws", "accepted")
    return Draws(parts[0].num_words, *(np.concatenate([getattr(part, name) for part in parts]) for name in arrays))
