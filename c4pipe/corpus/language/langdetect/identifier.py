"""langdetect 1.0.9 with seed 0, as the reference calls it: the same probabilities to the last bit, in batches."""

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from c4pipe.corpus.language.identifier import UNKNOWN, Identified
from c4pipe.corpus.language.langdetect.cleanup import MAX_TEXT_LENGTH
from c4pipe.corpus.language.langdetect.draws import draw, join_draws
from c4pipe.corpus.language.langdetect.features import Features
from c4pipe.corpus.language.langdetect.ngram_tables import NgramTables, build_tables
from c4pipe.corpus.language.langdetect.profiles import Profiles, read_profiles
from c4pipe.corpus.language.langdetect.trials import Trials

MIN_PROBABILITY = 0.1  # Detector.PROB_THRESHOLD: less likely languages are not named

# Memory: about 15 KB per page of a batch, 60 bytes per character of a block, and 45 MB for the tables.
PAGES_PER_BATCH = 1024
CHARACTERS_PER_BLOCK = 1 << 16
# How many words of the random stream a page gets. About 92% of the pages need no more than `FIRST_WORDS`; the others
# are repeated with more.
FIRST_WORDS = 768
WORDS_GROWTH = 5


@functools.cache
def _load() -> tuple[Profiles, NgramTables]:
    """Takes 0.3 seconds, once per process."""
    profiles = read_profiles()
    return profiles, build_tables(profiles.ngrams)


class LangdetectIdentifier:
    """See `LanguageIdentifier`. An answer is None if the package raises "No features in text".

    `languages`: the package's codes, in the order in which it adds up probabilities (that of its profile directory).
    """

    def __reduce__(self):
        return (LangdetectIdentifier, ())  # the tables are not sent but made again, in 0.3 seconds

    @property
    def languages(self) -> tuple[str, ...]:
        return _load()[0].languages

    def identify(self, texts: Sequence[str]) -> list[Identified | None]:
        """One answer per text, in order. The more texts at once (up to some thousands), the less time each takes."""
        answers: list[Identified | None] = [None] * len(texts)
        if not texts:  # if no page of a run reaches this stage, no profiles are read
            return answers
        languages = self.languages
        for index, probabilities in self._run(texts, FIRST_WORDS):
            best = int(probabilities.argmax())  # of equal values the first, as in the package's stable sort
            probability = float(probabilities[best])
            is_named = probability > MIN_PROBABILITY
            answers[index] = Identified(languages[best], probability) if is_named else Identified(UNKNOWN, 0.0)
        return answers

    def _run(self, texts: Sequence[str], num_words: int) -> Iterator[tuple[int, np.ndarray]]:
        """Yields (index of a text, probabilities (languages,)), in any order, for the texts that have n-grams."""
        pending = np.arange(len(texts))
        while len(pending):
            unfinished = []
            for start in range(0, len(pending), PAGES_PER_BATCH):
                batch = pending[start : start + PAGES_PER_BATCH]
                has_ngrams, trials = self._run_batch([texts[index] for index in batch], num_words)
                batch = batch[has_ngrams]
                yield from zip(
                    batch[trials.is_complete].tolist(), trials.probabilities[trials.is_complete], strict=True
                )
                unfinished.append(batch[~trials.is_complete])
            pending = np.concatenate(unfinished)
            num_words *= WORDS_GROWTH

    def _run_batch(self, texts: list[str], num_words: int) -> tuple[np.ndarray, Trials]:
        """The indices of the texts that have n-grams, and their trials."""
        draws, rows, places = [], [], []
        for start, end in _blocks(texts):
            features = Features(texts[start:end], _load()[1])
            has_ngrams = np.flatnonzero(features.num_ngrams)
            drawn = draw(features.num_ngrams[has_ngrams], features.first[has_ngrams], num_words)
            rows.append(features.rows(drawn.number))
            draws.append(drawn)
            places.append(has_ngrams + start)
        trials = Trials(_load()[0].probabilities, np.concatenate(rows), join_draws(draws))
        trials.run()
        return np.concatenate(places), trials


def _blocks(texts: list[str]) -> Iterator[tuple[int, int]]:
    """Consecutive ranges (start, end) of texts, each with about `CHARACTERS_PER_BLOCK` characters to look at."""
    start = size = 0
    for index, text in enumerate(texts):
        size += min(len(text), MAX_TEXT_LENGTH)
        if size >= CHARACTERS_PER_BLOCK or index == len(texts) - 1:
            yield start, index + 1
            start, size = index + 1, 0
