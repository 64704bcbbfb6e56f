"""langdetect's random stream: seed 0 for every page, so the same Mersenne Twister words for every page.

Which word becomes what depends on the page only by its number of n-grams, so the words are laid out once and
`random.choice` and `random.gauss` become arithmetic on places in that row.
"""

import functools
import math
import random

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


@functools.cache
def smoothing_weights(num_words: int) -> np.ndarray:
    """(2, num_words - 3) float64: what smoothing adds to each frequency in two trials, the first drawn at each word.

    `random.gauss` makes two numbers of two uniform ones and keeps the second for the next call; a uniform one takes two
    words. Python's own `math`, because numpy's sine may differ in the last bit.
    """
    stream = words(num_words).tolist()
    uniform = [
        ((a >> 5) * 67108864.0 + (b >> 6)) * (1.0 / 9007199254740992.0)
        for a, b in zip(stream, stream[1:], strict=False)
    ]
    weights = np.empty((2, num_words - WORDS_A_GAUSS + 1))
    for place in range(num_words - WORDS_A_GAUSS + 1):
        angle = uniform[place] * (2.0 * math.pi)
        radius = math.sqrt(-2.0 * math.log(1.0 - uniform[place + 2]))
        for which, turn in enumerate((math.cos, math.sin)):
            alpha = ALPHA_DEFAULT + turn(angle) * radius * ALPHA_WIDTH
            weights[which, place] = alpha / BASE_FREQUENCY
    return weights


class Draws:
    """What `random.choice` gives for some pages, at each place in the stream.

    `random.choice` of n things takes the top bits of a word, as many as n has, and tries the next word where that is
    not below n. Accepted words are numbered by page:

    `num_accepted` (pages,), `first` (pages,) the place of a page's first one in `page`, `word` and `number`;
    `page`, `word` and `number` (accepted,): whose it is, which word of the stream, and which of the n things;
    `accepted_before(page, word)`: how many of the page's accepted words come before that word.
    """

    def __init__(self, num_things: np.ndarray, num_words: int):
        self.num_words = num_words
        bits = np.frexp(num_things.astype(np.float64))[1]  # n.bit_length()
        drawn = words(num_words)[None, :] >> (32 - bits[:, None]).astype(np.uint32)
        accepted = drawn < num_things[:, None].astype(np.uint32)
        self._upto = np.cumsum(accepted, axis=1, dtype=np.int32)
        flat = np.flatnonzero(accepted)
        self.number = drawn.reshape(-1)[flat].astype(np.int64)
        self.page, self.word = np.divmod(flat, num_words)
        self.num_accepted = self._upto[:, -1].astype(np.int64)
        self.first = np.cumsum(self.num_accepted) - self.num_accepted

    def accepted_before(self, page: np.ndarray, word: np.ndarray) -> np.ndarray:
        """See above; `word` at least 1."""
        return self._upto[page, word - 1]
