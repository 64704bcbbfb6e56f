"""The last rules, once it is known which lines a page keeps: lines, sentences, language, bad words, split."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from c4pipe.corpus import counters, rules
from c4pipe.corpus.badwords import FILTERED, SOFT_PASSED, BadwordsFilter, base_language
from c4pipe.corpus.counters import Counts, filtered, line_counter, passed
from c4pipe.corpus.deduplication import line_contents
from c4pipe.corpus.language.codes import mc4_code
from c4pipe.corpus.language.identifier import UNKNOWN, Identified, LanguageIdentifier
from c4pipe.corpus.sentences.counter import SentenceCounter
from c4pipe.corpus.splits import split_of
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.variants import UNKNOWN_LANGUAGE, Compat, Variant

MIN_LANGDETECT_PROBABILITY = 0.99


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a page. `reason` is empty where it is kept; else `stage` is the name space that dropped it.

    `text`: as it is written, or as it came to the stage that dropped it (line deduplication leaves none).
    """

    text: str
    language: str = ""
    split: str = ""
    stage: str = ""
    reason: str = ""


def remove_lines(text: str, lost: Collection[int], counts: Counts) -> str:
    """A page's text without the lines that other pages keep, and without its own repeated lines.

    `lost`: numbers of the lines (split at line feeds) that another page keeps; of equal lines the first one's number
    stands for all of them. Reference: `_remove_lines_from_text`.
    """
    lines = text.split("\n")
    keys = line_contents(text)
    if not lost and len(set(keys)) == len(keys):
        counts[line_counter(counters.LINE_DEDUPLICATION, rules.LINE_PASSED)] += len(keys)
        return text
    lost_keys = {keys[index] for index in lost}
    seen: set[str] = set()
    kept: list[str] = []
    num_global = num_local = 0
    for line, key in zip(lines, keys, strict=True):
        if key in lost_keys:
            num_global += 1
        elif key in seen:
            num_local += 1
        else:
            seen.add(key)
            kept.append(line)
    stage = counters.LINE_DEDUPLICATION
    if num_global:
        counts[line_counter(stage, "global_duplicate")] += num_global
    if num_local:
        counts[line_counter(stage, "local_duplicate")] += num_local
    if kept:
        counts[line_counter(stage, rules.LINE_PASSED)] += len(kept)
    return "\n".join(kept)


class Finisher:
    """Applies a variant's last stages to batches of pages. Picklable.

    languages: those to keep. sentences may be None where the variant does not clean, badwords where it has no list.
    """

    def __init__(
        self,
        variant: Variant,
        compat: Compat,
        languages: Collection[str],
        identifier: LanguageIdentifier,
        sentences: SentenceCounter | None = None,
        badwords: BadwordsFilter | None = None,
    ) -> None:
        self._variant = variant
        self._compat = compat
        self._languages = frozenset(languages)
        self._identifier = identifier
        self._sentences = sentences
        self._badwords = badwords

    def finish(
        self,
        urls: Sequence[str],
        texts: Sequence[str],
        lost_lines: Sequence[Collection[int]],
        counts: Counts,
    ) -> list[Finished]:
        """What becomes of each page of a batch. urls: as in the WET file, not normalized."""
        done: list[Finished | None] = [None] * len(texts)
        left: list[tuple[int, str]] = []
        for place, (text, lost) in enumerate(zip(texts, lost_lines, strict=True)):
            outcome = self._deduplicate(text, lost, counts)
            if outcome.reason:
                done[place] = outcome
            else:
                left.append((place, outcome.text))
        for (place, text), identified in zip(left, self._identifier.identify([text for _, text in left]), strict=True):
            choose = self._mc4_language if self._variant.splits_by_language else self._wanted_language
            language, reason = choose(identified, counts)
            if reason:
                done[place] = Finished(text, language, "", self._language_stage, reason)
            else:
                done[place] = self._filter_badwords(urls[place], text, language, counts)
        return [outcome for outcome in done if outcome is not None]

    @property
    def _language_stage(self) -> str:
        return counters.LANGUAGE if self._variant.splits_by_language else counters.ENGLISH

    def _deduplicate(self, text: str, lost: Collection[int], counts: Counts) -> Finished:
        if not self._variant.deduplicate_lines:
            return Finished(text)
        stage = counters.LINE_DEDUPLICATION
        text = remove_lines(text, lost, counts)
        reason = ""
        if not text:
            reason = "empty"
        elif self._sentences and self._sentences.count(text, up_to=rules.MIN_SENTENCES) < rules.MIN_SENTENCES:
            reason = "too_few_sentences"
        counts[filtered(stage, reason) if reason else passed(stage)] += 1
        return Finished(text, stage=stage if reason else "", reason=reason)

    def _wanted_language(self, identified: Identified | None, counts: Counts) -> tuple[str, str]:
        """(language, reason) as the reference's `detect_english` decides."""
        stage = counters.ENGLISH
        language = reason = ""
        if identified is None:
            reason = "langdetect_exception"
        else:
            language, probability = identified
            if language == UNKNOWN:
                reason = "no_predictions"
            elif probability < MIN_LANGDETECT_PROBABILITY:
                reason = "low_confidence"
            elif language not in self._languages:
                reason = "ignored_language"
                counts[f"{filtered(stage, reason)}-{language}"] += 1
        counts[filtered(stage, reason) if reason else passed(stage)] += 1
        return language, reason

    def _mc4_language(self, identified: Identified | None, counts: Counts) -> tuple[str, str]:
        """(language, reason) as the reference's `detect_languages` decides: what is not sure is `und`, and stays."""
        stage = counters.LANGUAGE
        language = UNKNOWN_LANGUAGE
        if identified is None:
            counts[filtered(stage, "no_predictions")] += 1
        elif identified.probability < self._compat.min_cld3_probability:
            counts[filtered(stage, "low_confidence")] += 1
        else:
            language = mc4_code(identified.language)
        if language not in self._languages:
            counts[filtered(stage, "ignored_language")] += 1
            return language, "ignored_language"
        counts[passed(stage)] += 1
        counts[f"{passed(stage)}:{language}"] += 1
        return language, ""

    def _filter_badwords(self, url: str, text: str, language: str, counts: Counts) -> Finished:
        normalized = normalized_url(url)
        if self._badwords is not None:
            outcome = self._badwords.outcome(text, language, normalized)
            counts[f"{counters.BADWORDS}/{outcome}"] += 1
            if self._badwords.has_list(language):
                counts[f"{counters.BADWORDS}-{base_language(language)}/{outcome}"] += 1
            if outcome == FILTERED:
                return Finished(text, language, "", counters.BADWORDS, "badword")
            assert outcome in (SOFT_PASSED, rules.LINE_PASSED)
        split = split_of(normalized, language if self._variant.splits_by_language else None)
        return Finished(text, language, split)
