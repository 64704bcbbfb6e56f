"""The stages of C4, of all variants, as one list in the order in which a page passes them.

Decisions over the whole corpus divide the list: which copy of a URL stays, which page keeps a line, and, in runs that
ask for it, which of several nearly equal pages stays. All other stages judge each page by itself. All code that judges
pages, or counts, reports or compares stages, reads this list.
"""

from collections.abc import Callable, Collection, Container, Sequence
from dataclasses import dataclass

from c4pipe.corpus.assets import Assets
from c4pipe.corpus.badwords import BadwordsFilter
from c4pipe.corpus.cleaning import Cleaner
from c4pipe.corpus.cleaning_by_language import CleanerByLanguage
from c4pipe.corpus.judging import Judge, Judges
from c4pipe.corpus.language.identifier import LanguageIdentifier
from c4pipe.corpus.language.language_data import LanguageData, language_data
from c4pipe.corpus.language.wanted import LanguageOrUnknown, SureOfLanguage, SureOfLanguages
from c4pipe.corpus.line_copies import LINE_OUTCOMES, LineRemover
from c4pipe.corpus.page_lists import HasParagraphs, ListedDomains, UrlsOf
from c4pipe.corpus.recipes.variant import OF_COMPAT
from c4pipe.corpus.rules import LINE_PASSED, MAX_PAGE_LENGTH, line_outcomes
from c4pipe.corpus.sentences.by_marks import MarkCounter
from c4pipe.corpus.sentences.counter import CountsSentences, SentenceCounter
from c4pipe.corpus.splits import split_of
from c4pipe.corpus.variants import Compat, Variant


@dataclass(frozen=True)
class Criteria:
    """Everything that a run needs to make its judges.

    languages: the languages to keep. load_identifier: called once by each stage that needs it. listed_urls,
    excluded_urls: normalized URLs; None if there is no list.
    """

    variant: Variant
    compat: Compat
    languages: Collection[str]
    load_identifier: Callable[[], LanguageIdentifier]
    assets: Assets
    listed_urls: Container[str] | None = None
    excluded_urls: Container[str] | None = None

    @property
    def sentences(self) -> SentenceCounter | None:
        """None if the variant needs no sentences, or if they depend on the language."""
        if not (self.variant.needs_sentences and self.assets.punkt):
            return None
        return SentenceCounter(self.assets.punkt, self.compat.punkt)

    @property
    def data_of_languages(self) -> dict[str, LanguageData]:
        """Language -> its data, for variants whose rules depend on the language."""
        return {language: language_data(language) for language in self.languages}

    @property
    def thresholds(self) -> dict[str, float]:
        """Language -> the smallest probability of the identifier that counts."""
        least = self.variant.min_probability
        if isinstance(least, float):
            return dict.fromkeys(self.languages, least)
        return {
            code: data.min_probability[self.variant.language_identifier]
            for code, data in self.data_of_languages.items()
        }

    def sentences_of(self, language: LanguageData) -> CountsSentences:
        """The sentence counter for a language: Punkt with its parameters, or by its end marks."""
        punkt = self.assets.punkt_of.get(language.code) or self.assets.punkt
        if punkt is not None and self.variant.punkt_of(language):
            return SentenceCounter(punkt, self.compat.punkt)
        ends = [mark for mark in language.end_marks if mark not in language.quotes]
        return MarkCounter(ends, needs_blank=language.has_blanks, shortest=language.fewest_characters)


def _always(variant: Variant) -> bool:
    return True


def _no_judge(criteria: Criteria) -> Judge | None:
    return None


def _no_lines(variant: Variant) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Stage:
    """One stage.

    name: the prefix of its counters, which are the reference's. words: for reports, how a page that passes it is
    described. when: whether a variant has the stage. judge: makes its judge, or None if there is nothing to judge by,
    so that every page stays.

    names_reasons: whether the reference has one counter per reason (else one for all reasons). names_counters: whether
    the judge itself names all counters. line_outcomes: the possible outcomes of a line; a stage that has any changes
    the text. measures_drops: whether the lines and bytes of a page that it drops are known. always_shown: whether
    reports also show it for variants that do not have it, as a stage that every page passes.
    """

    name: str
    words: str
    when: Callable[[Variant], bool] = _always
    judge: Callable[[Criteria], Judge | None] = _no_judge
    names_reasons: bool = False
    names_counters: bool = False
    line_outcomes: Callable[[Variant], tuple[str, ...]] = _no_lines
    measures_drops: bool = True
    always_shown: bool = False

    @property
    def changes_text(self) -> bool:
        return self.line_outcomes is not _no_lines

    @property
    def passed(self) -> str:
        """The counter of the pages that pass the stage."""
        return f"{self.name}/passed"

    def filtered(self, reason: str) -> str:
        """The counter of the pages that it drops for a reason. The samples of these pages have the same name."""
        return f"{self.name}/filtered:{reason}" if self.names_reasons else f"{self.name}/filtered"

    def line_counter(self, outcome: str) -> str:
        """The counter of the lines with this outcome."""
        return f"{self.name}/line-passed" if outcome == LINE_PASSED else f"{self.name}/line-filtered:{outcome}"


def _listed_domains(criteria: Criteria) -> Judge | None:
    return ListedDomains(criteria.assets.realnews) if criteria.assets.realnews is not None else None


def _excluded_urls(criteria: Criteria) -> Judge | None:
    return UrlsOf(criteria.excluded_urls, excluded=True) if criteria.excluded_urls is not None else None


def _listed_urls(criteria: Criteria) -> Judge | None:
    return UrlsOf(criteria.listed_urls) if criteria.listed_urls is not None else None


def _paragraphs(criteria: Criteria) -> Judge | None:
    return HasParagraphs(criteria.variant.paragraphs) if criteria.variant.paragraphs is not None else None


def _cleaner(criteria: Criteria) -> Judge | None:
    if criteria.variant.cleans_by_language:
        return _cleaner_by_language(criteria)
    return Cleaner(criteria.variant.rules, criteria.sentences) if criteria.sentences is not None else None


def _cleaner_by_language(criteria: Criteria) -> Judge:
    languages = criteria.data_of_languages
    cleaners = {
        code: Cleaner(criteria.variant.rules_of(code), criteria.sentences_of(data)) for code, data in languages.items()
    }
    return CleanerByLanguage(cleaners, languages, criteria.load_identifier() if len(cleaners) > 1 else None)


def _line_remover(criteria: Criteria) -> Judge | None:
    if criteria.variant.cleans_by_language:
        counters = {code: criteria.sentences_of(data) for code, data in criteria.data_of_languages.items()}
        return LineRemover(None, criteria.variant.min_sentences, counters)
    return LineRemover(criteria.sentences, criteria.variant.min_sentences)


def _english(criteria: Criteria) -> Judge | None:
    least = criteria.variant.min_probability
    assert isinstance(least, float), "recipes are checked for this when they are read"
    return SureOfLanguage(criteria.load_identifier(), criteria.languages, least)


def _language(criteria: Criteria) -> Judge | None:
    if criteria.variant.min_probability != OF_COMPAT:
        return SureOfLanguages(criteria.load_identifier(), criteria.thresholds)
    return LanguageOrUnknown(criteria.load_identifier(), criteria.languages, criteria.compat.min_cld3_probability)


def _badwords(criteria: Criteria) -> Judge | None:
    if criteria.assets.badwords is None:
        return None
    words, fraction = criteria.assets.badwords, criteria.variant.badwords_fraction
    if not criteria.variant.cleans_by_language:
        return BadwordsFilter(words, criteria.compat, fraction)
    data = criteria.data_of_languages
    meant = {
        language: listed - frozenset(data[language].ordinary_words if language in data else ())
        for language, listed in words.items()
    }
    return BadwordsFilter(meant, criteria.compat, fraction, in_whole_runs=True)


AT_READING = (
    # The first three belong to reading a WET file (`wet/`), so that a page that is too long never lies in memory.
    Stage("split-wet-file", "records read as pages", names_reasons=True, measures_drops=False),
    Stage(
        "language-header-filter",
        "in a wanted language by the header of its record",
        when=lambda variant: variant.prefers_language_header,
        names_reasons=True,
        measures_drops=False,
    ),
    Stage("too-long-filter", f"not over {MAX_PAGE_LENGTH:,} characters"),
    Stage(
        "realnews-domain-filter",
        "from a listed news domain",
        when=lambda variant: variant.listed_domains,
        judge=_listed_domains,
        names_reasons=True,
    ),
)
# Only in runs with `--previous`: pages whose URL is in the corpus of an earlier crawl do not compete for it.
EARLIER_CRAWLS = Stage("earlier-crawl-filter", "not in an earlier crawl", names_reasons=True)
# A decision over the whole corpus: only one copy of each URL stays.
URL_COPIES = Stage("duplicate-url-filter", "newest copy of its URL")
AFTER_URLS = (
    Stage("excluded-url-filter", "not taken down", judge=_excluded_urls),
    Stage(
        "webtextlike-filter",
        "in the list of URLs",
        when=lambda variant: variant.listed_urls,
        judge=_listed_urls,
    ),
    Stage(
        "paragraph-filter",
        "has paragraphs",
        when=lambda variant: variant.paragraphs is not None,
        judge=_paragraphs,
    ),
    Stage(
        "clean-page",
        "passed the line and page rules",
        when=lambda variant: bool(variant.rules),
        judge=_cleaner,
        names_reasons=True,
        line_outcomes=lambda variant: line_outcomes(variant.rules),
    ),
)
# Before these stages there is another decision over the whole corpus: only one of the pages with a line keeps it.
AFTER_LINES = (
    Stage(
        "dedupe-lines",
        "has lines of its own",
        when=lambda variant: variant.deduplicate_lines,
        judge=_line_remover,
        names_reasons=True,
        line_outcomes=lambda variant: LINE_OUTCOMES,
        always_shown=True,
    ),
    Stage(
        "english-filter",
        "English",
        when=lambda variant: not variant.splits_by_language,
        judge=_english,
        names_reasons=True,
    ),
    Stage(
        "language-filter",
        "in a wanted language",
        when=lambda variant: variant.splits_by_language,
        judge=_language,
        names_reasons=True,
    ),
)
# An optional decision over the whole corpus: only one page of each cluster of near-duplicates stays.
NEAR_DUPLICATES = Stage(
    "near-duplicate-filter",
    "not nearly equal to another page",
    when=lambda variant: variant.near_duplicates,
)
AFTER_NEAR_DUPLICATES = (
    Stage(
        "badwords-filter",
        "without bad words",
        when=lambda variant: variant.needs_badwords,
        judge=_badwords,
        names_reasons=True,
        names_counters=True,
        always_shown=True,
    ),
)
STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        *AT_READING,
        EARLIER_CRAWLS,
        URL_COPIES,
        *AFTER_URLS,
        *AFTER_LINES,
        NEAR_DUPLICATES,
        *AFTER_NEAR_DUPLICATES,
    )
}

PARSING, LANGUAGE_HEADER, LENGTH, LISTED_DOMAINS = AT_READING
EXCLUDED_URLS, LISTED_URLS, PARAGRAPHS, CLEANING = AFTER_URLS
LINE_COPIES, ENGLISH, LANGUAGE = AFTER_LINES
(BADWORDS,) = AFTER_NEAR_DUPLICATES

# Prefix of the counters of unreadable records, one per reason; the counter of WET files.
QUARANTINE = "quarantine"
WET_FILE = f"{PARSING.name}/wet-file"


def judges_of(stages: Sequence[Stage], criteria: Criteria) -> Judges:
    """The judges of the stages that the run's variant has, for `judging.judge`."""
    present = [stage for stage in stages if stage.when(criteria.variant)]
    made = [(stage.name, stage.judge(criteria)) for stage in present]
    return [(name, judge) for name, judge in made if judge is not None]


def split_of_page(variant: Variant, normalized_url: str, language: str) -> str:
    """The last step: the split of a page that no stage has dropped."""
    return split_of(normalized_url, language if variant.splits_by_language else None)
