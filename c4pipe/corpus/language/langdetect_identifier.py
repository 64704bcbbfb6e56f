"""langdetect 1.0.9 with seed 0, as the reference calls it: the same probabilities to the last bit, in batches."""

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from c4pipe.corpus.language.draws import Draws
from c4pipe.corpus.language.features import Features
from c4pipe.corpus.language.identifier import UNKNOWN, Identified
from c4pipe.corpus.language.ngram_tables import NgramTables, build_tables
from c4pipe.corpus.language.profiles import Profiles, read_profiles
from c4pipe.corpus.language.trials import Trials

MIN_PROBABILITY = 0.1  # Detector.PROB_THRESHOLD: what is named at all

PAGES_A_BATCH = 512
CHARACTERS_A_BLOCK = 1 << 18
# How much of the random stream is laid out: enough for 19 pages of 20, then more for those that need it.
NUM_WORDS = (640, 4_096, 32_768)


@functools.cache
def _load() -> tuple[Profiles, NgramTables]:
    profiles = read_profiles()
    return profiles, build_tables(profiles.ngrams)


class LangdetectIdentifier:
    """See `LanguageIdentifier`. An answer is None where the package raises "No features in text"."""

    def __init__(self) -> None:
        self._profiles, self._tables = _load()

    def identify(self, texts: Sequence[str]) -> list[Identified | None]:
        """One answer a text, in order."""
        answers: list[Identified | None] = [None] * len(texts)
        pending = range(len(texts))
        num_words = NUM_WORDS[0]
        while pending:
            unfinished = []
            for start in range(0, len(pending), PAGES_A_BATCH):
                batch = pending[start : start + PAGES_A_BATCH]
                unfinished += self._identify(texts, batch, num_words, answers)
            pending = unfinished
            num_words *= 8
        return answers

    def _identify(self, texts, batch, num_words, answers):
        features = Features([texts[i] for i in batch], self._tables)
        has = np.flatnonzero(features.num_ngrams)
        if not len(has):
            return []
        draws = Draws(features.num_ngrams[has], num_words)
        rows = features.rows(has[draws.page], draws.number)
        trials = Trials(self._profiles.probabilities, rows, draws)
        trials.run()
        best = trials.probabilities.argmax(axis=1)
        un = []
        for k, i in enumerate(has):
            i = batch[int(i)]
            if not trials.is_complete[k]:
                un.append(i)
                continue
            p = float(trials.probabilities[k, best[k]])
            answers[i] = (
                Identified(self._profiles.languages[best[k]], p) if p > MIN_PROBABILITY else Identified(UNKNOWN, 0.0)
            )
        return un
