"""Cleaning with rules that depend on the page's language, which is identified first."""

from collections.abc import Mapping, Sequence
from itertools import chain

from c4pipe.corpus.cleaning import Cleaner
from c4pipe.corpus.judging import Candidate, Ruling
from c4pipe.corpus.language.codes import mc4_code
from c4pipe.corpus.language.identifier import LanguageIdentifier
from c4pipe.corpus.language.language_data import LanguageData

# Reasons: the page has no line that could be a sentence in one of the languages; the page is in another language.
NO_SENTENCE = "no_sentence"
OTHER_LANGUAGE = "other_language"


class CleanerByLanguage:
    """Cleans each page by the rules of its language. Picklable.

    cleaners: language -> its cleaner. With one language, all pages are cleaned by its rules, as in C4 for English. With
    more languages, the identifier sees only lines that could be sentences in one of them, so that menus do not decide.
    A page in another language is dropped. The probability is ignored here: it is tested later, on the cleaned text.
    """

    def __init__(
        self,
        cleaners: Mapping[str, Cleaner],
        languages: Mapping[str, LanguageData],
        identifier: LanguageIdentifier | None,
    ) -> None:
        self._cleaners = dict(cleaners)
        self._identifier = identifier
        # In a language without end marks, any line may be a sentence.
        has_marks = all(data.end_marks for data in languages.values())
        marks = chain.from_iterable(data.end_marks for data in languages.values())
        self._marks = tuple(dict.fromkeys(marks)) if has_marks else ()

    def judge(self, candidates: Sequence[Candidate]) -> list[Ruling]:
        """See `Judge`."""
        if self._identifier is None:
            (only,) = self._cleaners
            return [self._clean(candidate.text, only) for candidate in candidates]
        sentences = [self._possible_sentences(candidate.text) for candidate in candidates]
        found = self._identifier.identify(sentences)
        rulings = []
        for candidate, text, identified in zip(candidates, sentences, found, strict=True):
            language = mc4_code(identified.language) if identified else ""
            if not text:
                rulings.append(Ruling(NO_SENTENCE))
            elif language in self._cleaners:
                rulings.append(self._clean(candidate.text, language))
            else:
                rulings.append(Ruling(OTHER_LANGUAGE, match=language))
        return rulings

    def _clean(self, text: str, language: str) -> Ruling:
        ruling = self._cleaners[language].clean(text)
        return Ruling(ruling.reason, ruling.text, language=language, line_counts=ruling.line_counts)

    def _possible_sentences(self, text: str) -> str:
        if not self._marks:
            return text
        return "\n".join(line for line in map(str.strip, text.splitlines()) if line.endswith(self._marks))
