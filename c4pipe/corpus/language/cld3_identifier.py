"""CLD3, the identifier that mC4 used (needs the extra `multilingual`: package `cld3-py`, module `gcld3`)."""

from collections.abc import Sequence

from c4pipe.corpus.language.identifier import Identified
from c4pipe.errors import UserError

# As in tensorflow-datasets' `detect_languages`: CLD3 gives no answer for shorter texts, and reads only the first 10,000
# bytes of longer ones.
MIN_NUM_BYTES = 100
MAX_NUM_BYTES = 10_000


class Cld3Identifier:
    """`NNetLanguageIdentifier(100, 10000)`. The answer is None if CLD3 says that its answer is not reliable."""

    def __init__(self) -> None:
        try:
            import gcld3
        except ImportError:
            raise UserError(
                "the language identifier cld3 is not installed; pip install 'c4pipe[multilingual]'"
            ) from None
        self._network = gcld3.NNetLanguageIdentifier(MIN_NUM_BYTES, MAX_NUM_BYTES)

    def __reduce__(self):
        return (Cld3Identifier, ())

    def identify(self, texts: Sequence[str]) -> list[Identified | None]:
        """One answer per text; see `LanguageIdentifier`."""
        return [self._identify(text) for text in texts]

    def _identify(self, text: str) -> Identified | None:
        # The binding takes UTF-8 only. Pages of WET files have no lone surrogates, but if one comes, the run goes on.
        found = self._network.FindLanguage(text.encode("utf-8", "replace").decode("utf-8"))
        return Identified(found.language, found.probability) if found.is_reliable else None
