"""The interface that every language identifier has, and the ones there are.

Another identifier (fastText, GlotLID, CLD2) is one file with one class, one line in `IDENTIFIERS`, and its codes in
`codes.py` where they differ from mC4's.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from c4pipe.choices import choose

UNKNOWN = "unknown"


class Identified(NamedTuple):
    """An identifier's best guess: its own language code, and how sure it is (0 to 1).

    `Identified(UNKNOWN, 0.0)`: the page has features, but no language is likely enough to be named.
    """

    language: str
    probability: float


class LanguageIdentifier(Protocol):
    """Anything that names the language of pages."""

    def identify(self, texts: Sequence[str]) -> "list[Identified | None]":
        """One answer a text, in order; None where the text has nothing to go by.

        A pure function of each text: the answer does not depend on the other texts of the batch. Memory is bounded
        however many texts come at once.
        """
        ...


def _langdetect() -> LanguageIdentifier:
    from c4pipe.corpus.language.langdetect.identifier import LangdetectIdentifier

    return LangdetectIdentifier()


def _cld3() -> LanguageIdentifier:
    from c4pipe.corpus.language.cld3_identifier import Cld3Identifier

    return Cld3Identifier()


# Imported when asked for: `cld3` is an extra, and each brings tables that the others do not need.
IDENTIFIERS: dict[str, Callable[[], LanguageIdentifier]] = {
    "langdetect": _langdetect,
    "cld3": _cld3,
}


def load_identifier(name: str) -> LanguageIdentifier:
    """The identifier of that name. Raises UserError for an unknown name, or where its package is not installed."""
    return choose("language identifier", name, IDENTIFIERS)()
