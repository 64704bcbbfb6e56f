"""The interface of all language identifiers; `catalog.py` lists them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

UNKNOWN = "unknown"


class Identified(NamedTuple):
    """An identifier's best guess: its own language code, and the probability (0 to 1).

    `Identified(UNKNOWN, 0.0)`: the page has features, but no language is likely enough.
    """

    language: str
    probability: float


class LanguageIdentifier(Protocol):
    """Identifies the language of texts."""

    def identify(self, texts: Sequence[str]) -> "list[Identified | None]":
        """One answer per text, in order; None if the text has no features by which to identify its language.

        The answer depends on the text alone, not on the other texts of the batch. Memory is bounded, however many
        texts are given at once.
        """
        ...
