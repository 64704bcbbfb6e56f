"""langdetect's seven trials, for many pages side by side.

A trial starts with equal probabilities, and multiplies them by the frequencies of n-grams that the random stream
chooses, one after the other. After the first n-gram and then after every fifth, the probabilities are scaled so that
their sum is 1. The trial ends when one probability exceeds 0.99999, or after 1,001 n-grams. The answer is the mean of
the seven trials.

Here each row of an array is a page, and the pages may be in different trials. Each pass multiplies by five n-grams of
every page. The order of operations on one page is the package's, so the results are equal to the last bit: numpy's
elementwise operations round as Python's do, and the sum over languages adds one row of an array after the other.
"""

import numpy as np

from c4pipe.corpus.language.langdetect.draws import WORDS_PER_GAUSS, Draws, smoothing_weights

NUM_TRIALS = 7  # Detector.n_trial, ITERATION_LIMIT, CONV_THRESHOLD
MAX_PASSES = 200
CONVERGED = 0.99999
NGRAMS_PER_PASS = 5

# Fewer pages than this are run one after the other: a pass over one page makes fewer and smaller numpy calls.
_MIN_PAGES_TOGETHER = 5
_NGRAMS_AT_ONCE = 10 * NGRAMS_PER_PASS


class Trials:
    """The trials of the pages that `draws` belong to.

    `frequencies` (rows, languages) float64: the profiles' matrix; `rows` (draws,): the row that each draw chose.

    After `run`: `probabilities` (pages, languages) float64, and `is_complete` (pages,) bool. It is False for a page
    whose draws ran out before the trials ended; the probabilities of such a page are meaningless.
    """

    def __init__(self, frequencies: np.ndarray, rows: np.ndarray, draws: Draws):
        num_pages, num_languages = len(draws.num_draws), frequencies.shape[1]
        self._frequencies = frequencies
        self._rows = rows
        self._draws = draws
        self._weights = smoothing_weights(draws.num_words)
        self._first_draw = np.cumsum(draws.num_draws) - draws.num_draws
        self.probabilities = np.zeros((num_pages, num_languages))
        self.is_complete = np.zeros(num_pages, bool)
        # From here on, one entry per page that is not done yet; `_page` is the page's number.
        self._page = np.arange(num_pages)
        self._draw = self._first_draw.copy()
        self._end = self._first_draw + draws.num_draws
        self._trial = np.zeros(num_pages, np.int64)
        self._passes = np.zeros(num_pages, np.int64)
        # The weight of smoothing, repeated for each language: adding whole arrays is faster than one number per row.
        self._weight = np.zeros((num_pages, num_languages))
        self._next_weight = np.zeros(num_pages)
        self._probability = np.zeros((num_pages, num_languages))
        self._mean = np.zeros((num_pages, num_languages))

    def run(self) -> None:
        """Runs all trials to their end, or until the draws run out."""
        self._start(np.arange(len(self._page)), np.zeros(len(self._page), np.int64))
        while len(self._page) >= _MIN_PAGES_TOGETHER:
            has_draws = self._draw + NGRAMS_PER_PASS <= self._end
            if not has_draws.all():
                self._keep(has_draws)
            elif (has_ended := self._multiply()).any():
                self._end_trials(np.flatnonzero(has_ended))
        while len(self._page):
            if self._multiply_alone():
                self._end_trials(np.zeros(1, np.int64))
            else:
                self._keep(np.arange(len(self._page)) > 0)

    def _multiply(self) -> np.ndarray:
        """Multiplies by five n-grams of every page. Returns (pages,) bool: the pages whose trial has ended."""
        probability = self._probability
        factor = np.empty_like(probability)
        for k in range(NGRAMS_PER_PASS):
            rows = self._rows.take(self._draw + k)
            self._frequencies.take(rows, axis=0, out=factor, mode="clip")
            factor += self._weight
            probability *= factor
        self._draw += NGRAMS_PER_PASS
        self._passes += 1
        return (_scale(probability) > CONVERGED) | (self._passes >= MAX_PASSES)

    def _multiply_alone(self) -> bool:
        """Multiplies by the first page's n-grams until its trial ends. Returns False if the draws run out before."""
        probability, weight = self._probability[0], self._weight[0, 0]
        start, end = int(self._draw[0]), int(self._end[0])
        num_passes = int(self._passes[0])
        while start + NGRAMS_PER_PASS <= end:
            stop = min(start + _NGRAMS_AT_ONCE, end)
            factors = self._frequencies.take(self._rows[start:stop], axis=0)
            factors += weight
            for k in range(0, stop - start - NGRAMS_PER_PASS + 1, NGRAMS_PER_PASS):
                for factor in factors[k : k + NGRAMS_PER_PASS]:
                    probability *= factor
                probability /= np.add.accumulate(probability)[-1]
                start += NGRAMS_PER_PASS
                num_passes += 1
                if num_passes >= MAX_PASSES or probability.max() > CONVERGED:
                    self._draw[0] = start
                    return True
        return False

    def _end_trials(self, which: np.ndarray) -> None:
        self._mean[which] += self._probability[which] / NUM_TRIALS
        self._trial[which] += 1
        is_done = self._trial[which] == NUM_TRIALS
        done = which[is_done]
        self.probabilities[self._page[done]] = self._mean[done]
        self.is_complete[self._page[done]] = True
        self._passes[done] = -1
        which = which[~is_done]
        self._start(which, self._draws.word[self._draw[which] - 1] + 1)
        if len(done):
            self._keep(self._passes >= 0)

    def _start(self, which: np.ndarray, word: np.ndarray) -> None:
        """Starts a trial of some pages at this word of the stream: draws the smoothing and the first n-gram."""
        is_even = self._trial[which] % 2 == 0
        odd, even, word = which[~is_even], which[is_even], word[is_even]
        self._weight[odd] = self._next_weight[odd, None]
        fits = word + WORDS_PER_GAUSS <= self._draws.num_words
        self._draw[even[~fits]] = self._end[even[~fits]]
        even, word = even[fits], word[fits]
        weight, self._next_weight[even] = self._weights[word]
        self._weight[even] = weight[:, None]
        page = self._page[even]
        self._draw[even] = self._first_draw[page] + self._draws.accepted[page, word + (WORDS_PER_GAUSS - 1)]

        row = self._rows.take(self._draw[which], mode="clip")
        probability = self._frequencies[row]
        probability += self._weight[which]
        probability *= 1.0 / probability.shape[1]
        # No trial ends after one n-gram: smoothing leaves every other language at least 0.07 / 10,000.
        _scale(probability)
        self._probability[which] = probability
        self._draw[which] += 1
        self._passes[which] = 0

    def _keep(self, mask: np.ndarray) -> None:
        for name in ("page", "draw", "end", "trial", "passes", "weight", "next_weight", "probability", "mean"):
            setattr(self, f"_{name}", getattr(self, f"_{name}")[mask])


def _scale(probability: np.ndarray) -> np.ndarray:
    """Divides each row of (pages, languages) by its sum, in place. Returns (pages,): the largest value of each new row.

    The sum is that of Python before 3.12: from left to right, without compensation. So the rows of the transposed array
    are added one after the other. (Along rows, numpy would add in pairs.)
    """
    by_language = np.ascontiguousarray(probability.T)
    if len(probability) != 1:
        total = np.add.reduce(by_language, axis=0)
    else:  # numpy treats a single column as a row
        total = np.add.accumulate(by_language[:, 0])[-1:]
    largest = np.maximum.reduce(by_language, axis=0)
    probability /= total[:, None]
    # Division keeps the order, so the largest value stays the largest.
    largest /= total
    return largest
