"""A language identifier that remembers its answers, for corpora that share most of their texts."""

import hashlib
from collections.abc import Sequence

from c4pipe.corpus.language.identifier import Identified, LanguageIdentifier


class RememberingIdentifier:
    """Gives the answers of another identifier, and asks it only once for each text.

    This changes no answer, because an answer depends on the text alone. `forget` bounds the memory: some 200 bytes per
    text, however long it is.
    """

    def __init__(self, identifier: LanguageIdentifier) -> None:
        self._identifier = identifier
        self._answers: dict[bytes, Identified | None] = {}

    def identify(self, texts: Sequence[str]) -> list[Identified | None]:
        """See `LanguageIdentifier`."""
        keys = [hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._answers}
        self._answers.update(zip(new, self._identifier.identify(list(new.values())), strict=True))
        return [self._answers[key] for key in keys]

    def forget(self) -> None:
        """Forget all answers."""
        self._answers.clear()
