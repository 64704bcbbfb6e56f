"""Keeps the pages that are in a wanted language, according to a language identifier."""

from collections.abc import Collection, Mapping, Sequence

from c4pipe.corpus.judging import Candidate, Ruling
from c4pipe.corpus.language.codes import UNKNOWN_LANGUAGE, mc4_code
from c4pipe.corpus.language.identifier import UNKNOWN, Identified, LanguageIdentifier


class SureOfLanguage:
    """Keeps the pages that are in one of the wanted languages with a high probability (reference: `detect_english`)."""

    def __init__(self, identifier: LanguageIdentifier, languages: Collection[str], min_probability: float) -> None:
        self._identifier = identifier
        self._languages = frozenset(languages)
        self._min_probability = min_probability

    def judge(self, candidates: Sequence[Candidate]) -> list[Ruling]:
        """See `Judge`."""
        return [self.rule(found) for found in self.identify([candidate.text for candidate in candidates])]

    def identify(self, texts: Sequence[str]) -> list[Identified | None]:
        """The identifier's answer for each text."""
        return self._identifier.identify(texts)

    def rule(self, found: Identified | None) -> Ruling:
        """The ruling that follows from the identifier's answer."""
        if found is None:
            return Ruling("langdetect_exception")
        language, probability = found
        if language == UNKNOWN:
            return Ruling("no_predictions", language=language)
        if probability < self._min_probability:
            return Ruling("low_confidence", language=language)
        if language not in self._languages:
            reason = "ignored_language"
            return Ruling(reason, language=language, counters=(f"/filtered:{reason}-{language}",))
        return Ruling(language=language, probability=probability)


class LanguageOrUnknown:
    """Gives each page its language in mC4's codes (reference: `detect_languages`).

    A page whose language is unsure gets the language `und`, and stays if `und` is a wanted language.
    """

    def __init__(self, identifier: LanguageIdentifier, languages: Collection[str], min_probability: float) -> None:
        self._identifier = identifier
        self._languages = frozenset(languages)
        self._min_probability = min_probability

    def judge(self, candidates: Sequence[Candidate]) -> list[Ruling]:
        """See `Judge`."""
        found = self._identifier.identify([candidate.text for candidate in candidates])
        return [self._rule(identified) for identified in found]

    def _rule(self, found: Identified | None) -> Ruling:
        language, counters = UNKNOWN_LANGUAGE, []
        if found is None:
            counters.append("/filtered:no_predictions")
        elif found.probability < self._min_probability:
            counters.append("/filtered:low_confidence")
        else:
            language = mc4_code(found.language)
        if language not in self._languages:
            return Ruling("ignored_language", language=language, counters=tuple(counters))
        probability = 0.0 if found is None else found.probability
        return Ruling(language=language, counters=(*counters, f"/passed:{language}"), probability=probability)


class SureOfLanguages:
    """Keeps the pages that are in one of the wanted languages with a high probability, by mC4's codes.

    thresholds: language -> the smallest probability that counts. A page is also dropped if it was cleaned by the rules
    of a language other than the language that is identified now.
    """

    def __init__(self, identifier: LanguageIdentifier, thresholds: Mapping[str, float]) -> None:
        self._identifier = identifier
        self._thresholds = dict(thresholds)

    def judge(self, candidates: Sequence[Candidate]) -> list[Ruling]:
        """See `Judge`."""
        found = self._identifier.identify([candidate.text for candidate in candidates])
        pairs = zip(candidates, found, strict=True)
        return [self._rule(candidate.language, identified) for candidate, identified in pairs]

    def _rule(self, cleaned_as: str, found: Identified | None) -> Ruling:
        if found is None or found.language == UNKNOWN:
            return Ruling("no_predictions", language=UNKNOWN_LANGUAGE)
        language = mc4_code(found.language)
        if language not in self._thresholds:
            reason = "ignored_language"
            return Ruling(reason, language=language, counters=(f"/filtered:{reason}-{language}",))
        if found.probability < self._thresholds[language]:
            return Ruling("low_confidence", language=language)
        if cleaned_as and language != cleaned_as:
            return Ruling("cleaned_as_other_language", language=language)
        return Ruling(language=language, counters=(f"/passed:{language}",), probability=found.probability)
