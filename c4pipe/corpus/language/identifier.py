"""The interface that every language identifier has; `catalog.py` names the ones there are."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

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
        """One answer a text, in order; None if the text has nothing to go by.

        A pure function of each text: the answer does not depend on the other texts of the batch. Memory is bounded
        however many texts come at once.
        """
        ...
