"""Counts sentences, only as far as a decision needs."""

from collections.abc import Mapping
from itertools import islice
from typing import Protocol

from c4pipe.corpus.sentences.nltk_versions import NLTK_VERSIONS
from c4pipe.corpus.sentences.punkt import PunktParameters, sentence_spans

PUNKT_FILES = ("abbrev_types.txt", "collocations.tab", "ortho_context.tab", "sent_starters.txt")


def parse_punkt_files(files: Mapping[str, str]) -> PunktParameters:
    """The parameters from the four files of a `punkt_tab` folder. files: file name -> content."""
    rows = {name: [line for line in files[name].split("\n") if line] for name in PUNKT_FILES}
    return PunktParameters(
        abbreviations=frozenset(rows["abbrev_types.txt"]),
        collocations=frozenset(
            (first, second) for first, second in (row.split("\t") for row in rows["collocations.tab"])
        ),
        sentence_starters=frozenset(rows["sent_starters.txt"]),
        orthographic_contexts={
            word: int(flags) for word, flags in (row.split("\t") for row in rows["ortho_context.tab"])
        },
    )


class CountsSentences(Protocol):
    """The interface of sentence counters."""

    def count(self, text: str, up_to: int | None = None) -> int:
        """The number of sentences of `text`; with `up_to`, that number at most, without reading further."""
        ...


class SentenceCounter:
    """Counts the sentences of texts with given Punkt parameters, exactly as a version of NLTK does.

    nltk_version: one of `NLTK_VERSIONS`. A `Compat` tells which version the reference uses.
    """

    def __init__(self, parameters: PunktParameters, nltk_version: str) -> None:
        self._parameters = parameters
        self._expressions = NLTK_VERSIONS[nltk_version]

    def count(self, text: str, up_to: int | None = None) -> int:
        """The number of sentences of `text`. With `up_to`, counting stops at that number."""
        return sum(1 for _ in islice(sentence_spans(text, self._parameters, self._expressions), up_to))
