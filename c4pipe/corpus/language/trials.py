"""langdetect's seven trials, for many pages side by side.

A trial starts from equal probabilities and multiplies in the n-grams that the random stream chooses, one after the
other; after the first and then after every fifth the probabilities are scaled to sum to 1, until one of them exceeds
0.99999 or 1,001 n-grams are in. The answer is the mean of the seven.

Here each row of an array is a page in whatever trial it has got to, and each pass multiplies in five n-grams of every
page. The order of operations on one page is the package's, so the results are its results to the last bit: numpy's
elementwise operations round as Python's do, and the sum over languages adds one row of an array after the other.
"""

import numpy as np

from c4pipe.corpus.language.draws import WORDS_A_GAUSS, Draws, smoothing_weights

NUM_TRIALS = 7  # Detector.n_trial, ITERATION_LIMIT, CONV_THRESHOLD
MAX_PASSES = 200
CONVERGED = 0.99999
NGRAMS_A_PASS = 5

_PASS = np.arange(NGRAMS_A_PASS)


class Trials:
    """The trials of the pages that `draws` is about.

    `frequencies` (rows, languages) float64: the profiles' matrix; `rows` (accepted draws,): the row each draw chose.

    After `run`: `probabilities` (pages, languages) float64, and `is_complete` (pages,): False where the draws ran out
    before the trials ended, and the probabilities mean nothing.
    """

    def __init__(self, frequencies: np.ndarray, rows: np.ndarray, draws: Draws):
        num_pages, num_languages = len(draws.num_accepted), frequencies.shape[1]
        self._frequencies = frequencies
        self._rows = rows
        self._draws = draws
        self._weights = smoothing_weights(draws.num_words)
        self.probabilities = np.zeros((num_pages, num_languages))
        self.is_complete = np.zeros(num_pages, bool)
        # One entry a page that is not done; `_page` says which.
        self._page = np.arange(num_pages)
        self._end = draws.first + draws.num_accepted
        self._trial = np.zeros(num_pages, np.int64)
        self._passes = np.zeros(num_pages, np.int64)
        self._draw = draws.first.copy()
        self._weight = np.zeros(num_pages)
        self._next_weight = np.zeros(num_pages)
        self._probability = np.zeros((num_pages, num_languages))
        self._mean = np.zeros((num_pages, num_languages))

    def run(self) -> None:
        self._start(np.arange(len(self._page)), np.zeros(len(self._page), np.int64))
        while len(self._page):
            has_draws = self._draw + NGRAMS_A_PASS <= self._end
            if not has_draws.all():
                self._keep(has_draws)
                if not len(self._page):
                    return
            converged = self._multiply()
            if converged.any():
                self._end_trials(np.flatnonzero(converged))

    def _multiply(self) -> np.ndarray:
        """Five n-grams of every page. Returns (pages,) bool: whose trial ends with them."""
        rows = self._rows.take(self._draw[:, None] + _PASS)
        factors = self._frequencies.take(rows, axis=0)
        factors += self._weight[:, None, None]
        probability = self._probability
        for k in range(NGRAMS_A_PASS):
            probability *= factors[:, k]
        self._draw += NGRAMS_A_PASS
        self._passes += 1
        return (_scale(probability) > CONVERGED) | (self._passes >= MAX_PASSES)

    def _end_trials(self, which: np.ndarray) -> None:
        self._mean[which] += self._probability[which] / NUM_TRIALS
        self._trial[which] += 1
        is_last = self._trial[which] == NUM_TRIALS
        done = which[is_last]
        self.probabilities[self._page[done]] = self._mean[done]
        self.is_complete[self._page[done]] = True
        self._passes[done] = -1
        which = which[~is_last]
        self._start(which, self._draws.word[self._draw[which] - 1] + 1)
        if len(done):
            self._keep(self._passes >= 0)

    def _start(self, which: np.ndarray, word: np.ndarray) -> None:
        """Starts a trial of some pages, at this word of the stream: the smoothing and the first n-gram."""
        is_even = self._trial[which] % 2 == 0
        odd, even, word = which[~is_even], which[is_even], word[is_even]
        self._weight[odd] = self._next_weight[odd]
        fits = word + WORDS_A_GAUSS <= self._draws.num_words
        self._draw[even[~fits]] = self._end[even[~fits]]
        even, word = even[fits], word[fits]
        self._weight[even], self._next_weight[even] = self._weights[:, word]
        page = self._page[even]
        self._draw[even] = self._draws.first[page] + self._draws.accepted_before(page, word + WORDS_A_GAUSS)

        row = self._rows.take(self._draw[which], mode="clip")
        probability = self._frequencies[row]
        probability += self._weight[which, None]
        probability *= 1.0 / probability.shape[1]
        # One n-gram never converges: smoothing leaves each other language 0.07 / 10,000 at least.
        _scale(probability)
        self._probability[which] = probability
        self._draw[which] += 1
        self._passes[which] = 0

    def _keep(self, mask: np.ndarray) -> None:
        for name in ("page", "end", "trial", "passes", "draw", "weight", "next_weight", "probability", "mean"):
            setattr(self, f"_{name}", getattr(self, f"_{name}")[mask])


def _scale(probability: np.ndarray) -> np.ndarray:
    """Divides each row of (pages, languages) by its sum, in place. Returns (pages,): each row's largest after it.

    The sum is Python's before 3.12, from left to right without compensation: accumulated over the first axis of the
    transposed array, which numpy adds one row after the other.
    """
    by_language = np.ascontiguousarray(probability.T)
    total = np.add.accumulate(by_language, axis=0)[-1]
    largest = by_language.max(axis=0)
    probability /= total[:, None]
    # Division keeps order, so the largest stays the largest.
    largest /= total
    return largest
