"""Counting sentences with Punkt, only as far as a decision needs."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

PUNKT_FILES = ("abbrev_types.txt", "collocations.tab", "ortho_context.tab", "sent_starters.txt")


@dataclass(frozen=True)
class PunktParameters:
    """What Punkt learned of a language (Kiss and Strunk 2006); plain Python so that it travels with a job."""

    abbreviations: frozenset[str]
    collocations: frozenset[tuple[str, str]]
    sentence_starters: frozenset[str]
    orthographic_contexts: dict[str, int]

    @classmethod
    def parse(cls, files: dict[str, str]) -> "PunktParameters":
        """The parameters in the four files of a `punkt_tab` folder: file name -> content."""

        def lines(name: str) -> Iterable[str]:
            return [line for line in files[name].split("\n") if line]

        return cls(
            abbreviations=frozenset(lines("abbrev_types.txt")),
            collocations=frozenset((a, b) for a, b in (line.split("\t") for line in lines("collocations.tab"))),
            sentence_starters=frozenset(lines("sent_starters.txt")),
            orthographic_contexts={
                word: int(flags) for word, flags in (line.split("\t") for line in lines("ortho_context.tab"))
            },
        )


class SentenceCounter:
    """Counts the sentences of a text as NLTK's Punkt tokenizer would split it."""

    def __init__(self, parameters: PunktParameters) -> None:
        from collections import defaultdict

        from nltk.tokenize import punkt

        self._parameters = parameters
        nltk_parameters = punkt.PunktParameters()
        nltk_parameters.abbrev_types = set(parameters.abbreviations)
        nltk_parameters.collocations = set(parameters.collocations)
        nltk_parameters.sent_starters = set(parameters.sentence_starters)
        nltk_parameters.ortho_context = defaultdict(int, parameters.orthographic_contexts)
        self._tokenizer = punkt.PunktSentenceTokenizer()
        self._tokenizer._params = nltk_parameters

    def __reduce__(self):
        return (SentenceCounter, (self._parameters,))

    def count(self, text: str, up_to: int | None = None) -> int:
        """The number of sentences of `text`; with `up_to`, that number at most, without reading further."""
        return sum(1 for _ in islice(self._tokenizer.span_tokenize(text), up_to))
