"""langdetect's profiles: how often each language uses each n-gram of one to three characters.

The files belong to the installed package `langdetect` 1.0.9 and are read from there. No data of them is copied here.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from langdetect.detector_factory import PROFILES_DIRECTORY
from langdetect.utils.ngram import NGram

from c4pipe.corpus.language.langdetect.characters import SPACE, normalized_characters

MAX_NGRAM_LENGTH = NGram.N_GRAM


@dataclass(frozen=True)
class Profiles:
    """The n-grams that a page can have, and their frequencies.

    `probabilities[row, language]`: the frequency of `ngrams[row]` among the n-grams of its length, float64.

    `languages` have the order in which the directory lists their files, as in the package. Sums over languages are
    computed in that order, so the last bits of a probability depend on it.
    """

    languages: tuple[str, ...]
    ngrams: tuple[str, ...]
    probabilities: np.ndarray


def read_profiles(directory: str | os.PathLike = PROFILES_DIRECTORY) -> Profiles:
    """Reads a directory of profiles, one JSON file per language (`name`, `freq`, `n_words`).

    Keeps only the n-grams that a page can have: all their characters are normalized, and they do not end in two
    capitals (langdetect skips such n-grams).
    """
    characters = normalized_characters()
    row_of: dict[str, int | None] = {}  # None: no page can have it
    num_rows = 0
    languages, columns = [], []
    for name in os.listdir(directory):  # not sorted, because the order must be that of the package
        path = Path(directory, name)
        if name.startswith(".") or not path.is_file():
            continue
        profile = json.loads(path.read_text(encoding="utf-8"))
        rows, counts, totals = [], [], []
        for ngram, count in profile["freq"].items():
            row = row_of.get(ngram, -1)
            if row == -1:
                row = None
                if _is_reachable(ngram, characters):
                    row, num_rows = num_rows, num_rows + 1
                row_of[ngram] = row
            if row is not None:
                rows.append(row)
                counts.append(count)
                totals.append(profile["n_words"][len(ngram) - 1])
        languages.append(profile["name"])
        columns.append((rows, np.array(counts, np.float64) / np.array(totals, np.float64)))
    probabilities = np.zeros((num_rows, len(languages)))
    for column, (rows, frequencies) in enumerate(columns):
        probabilities[rows, column] = frequencies
    return Profiles(tuple(languages), tuple(g for g, row in row_of.items() if row is not None), probabilities)


def _is_reachable(ngram: str, characters: frozenset[str]) -> bool:
    if not 1 <= len(ngram) <= MAX_NGRAM_LENGTH or ngram == SPACE or not characters.issuperset(ngram):
        return False
    return not (len(ngram) > 1 and ngram[-1].isupper() and ngram[-2].isupper())
