"""The variants of C4 and the two versions of the reference, as data. No stage asks for the name of a variant."""

from dataclasses import dataclass

from c4pipe.choices import choose
from c4pipe.corpus.language.codes import UNKNOWN_LANGUAGE
from c4pipe.corpus.rules import (
    Drops,
    EndMarks,
    FewestSentences,
    FewestWords,
    LongestWord,
    Paragraphs,
    Phrases,
    Rewrite,
    Rule,
)
from c4pipe.errors import UserError

# The languages of mC4: all that CLD3 knows and that had at least 10,000 pages (reference: MC4_LANGUAGES).
_MC4_LANGUAGES = """
af am ar az be bg bg-Latn bn ca ceb co cs cy da de el el-Latn en eo es et eu fa fi fil fr fy ga gd gl gu ha haw hi
hi-Latn hmn ht hu hy id ig is it iw ja ja-Latn jv ka kk km kn ko ku ky la lb lo lt lv mg mi mk ml mn mr ms mt my ne nl
no ny pa pl ps pt ro ru ru-Latn sd si sk sl sm sn so sq sr st su sv sw ta te tg th tr uk ur uz vi xh yi yo zh zh-Latn zu
"""
MC4_LANGUAGES = tuple(_MC4_LANGUAGES.split())


# The rules by which C4 cleans a page, in the order of the reference's `clean_page`.
_POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
C4_RULES: tuple[Rule, ...] = (
    LongestWord("too_long_word", characters=1000),
    Rewrite(r"\[\d*\]|\[edit\]|\[citation needed\]", sign="["),  # Wikipedia's footnotes and edit links
    EndMarks("no_endmark", marks=(".", "?", "!", '"'), not_in="..."),
    FewestWords("too_short", words=5),
    Phrases("loremipsum", Drops.PAGE, phrases=("lorem ipsum",)),
    Phrases("javascript", phrases=("javascript",)),
    Phrases("squigglybracket", Drops.PAGE, phrases=("{",)),
    Phrases("policy", phrases=_POLICIES),
    FewestSentences("too_few_sentences", sentences=3),
)


@dataclass(frozen=True)
class Variant:
    """A variant of C4: which stages it has, and their parameters (reference: `C4Config`).

    rules: the rules of cleaning, in order; without rules, pages are not cleaned. min_probability: a language with a
    lower probability counts as unsure. badwords_fraction: the share of the pages with a bad word that is dropped.
    paragraphs: the paragraphs that every page must have.
    """

    name: str
    description: str
    languages: tuple[str, ...] = ("en",)
    language_identifier: str = "langdetect"
    min_probability: float = 0.99
    rules: tuple[Rule, ...] = C4_RULES
    deduplicate_lines: bool = True
    badwords_fraction: float = 1.0
    listed_domains: bool = False
    listed_urls: bool = False
    paragraphs: Paragraphs | None = None
    splits_by_language: bool = False

    @property
    def min_sentences(self) -> int:
        """The fewest sentences of a page, after cleaning and again after line deduplication. 0: no minimum."""
        return max((rule.sentences for rule in self.rules if isinstance(rule, FewestSentences)), default=0)

    @property
    def needs_sentences(self) -> bool:
        """Whether a sentence splitter is needed."""
        return bool(self.rules)

    @property
    def needs_badwords(self) -> bool:
        return self.badwords_fraction > 0


VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("en", "English C4"),
        Variant("en.noblocklist", "English C4 with the pages that have bad words", badwords_fraction=0.0),
        Variant(
            "en.noclean",
            "English pages of the crawl, not cleaned, one page per URL",
            rules=(),
            deduplicate_lines=False,
            badwords_fraction=0.0,
        ),
        Variant("realnewslike", "English C4 from the domains of RealNews", listed_domains=True),
        Variant("webtextlike", "English C4 from a list of URLs, such as OpenWebText's", listed_urls=True),
        Variant(
            "multilingual",
            "mC4: one split per language",
            languages=(*MC4_LANGUAGES, UNKNOWN_LANGUAGE),
            language_identifier="cld3",
            rules=(),
            badwords_fraction=0.999,
            paragraphs=Paragraphs(lines=3, characters=200),
            splits_by_language=True,
        ),
    )
}


@dataclass(frozen=True)
class Compat:
    """The points in which a version of the reference differs from others.

    * `newest_page_wins`: the newest copy of a URL stays; if False, the copy with the largest md5 of its text.
    * `needs_timestamp`: a page without a timestamp is dropped.
    * `lines_stay_by_raw_url`: among the pages that share a line, the page with the smallest md5 of its raw URL keeps
      it; if False, the page with the smallest md5 of its normalized URL.
    * `escapes_badwords`: bad words are plain text; if False, each is used as a regular expression.
    * `substring_languages`: in these languages a bad word also matches inside a word.
    * `allows_common_subwords`: listed words that are part of too many good words are ignored.
    * `soft_badwords`: the variant's `badwords_fraction` applies; if False, every page with a bad word is dropped.
    * `min_cld3_probability`: an answer of CLD3 with a lower probability counts as unknown.
    * `punkt`: the version of NLTK whose sentences are counted, one of `sentences.nltk_versions.NLTK_VERSIONS`.
    """

    name: str
    newest_page_wins: bool
    needs_timestamp: bool
    lines_stay_by_raw_url: bool
    escapes_badwords: bool
    substring_languages: tuple[str, ...]
    allows_common_subwords: bool
    soft_badwords: bool
    min_cld3_probability: float
    punkt: str


COMPATS: dict[str, Compat] = {
    compat.name: compat
    for compat in (
        Compat(
            "tfds-3.1.0",
            newest_page_wins=True,
            needs_timestamp=True,
            lines_stay_by_raw_url=True,
            escapes_badwords=True,
            substring_languages=("ja", "th", "zh"),
            allows_common_subwords=True,
            soft_badwords=True,
            min_cld3_probability=0.95,
            punkt="nltk-3.8.1",
        ),
        Compat(
            "tfds-3.0.1",
            newest_page_wins=False,
            needs_timestamp=False,
            lines_stay_by_raw_url=False,
            escapes_badwords=False,
            substring_languages=("th", "zh"),
            allows_common_subwords=False,
            soft_badwords=False,
            min_cld3_probability=0.70,
            punkt="nltk-3.8.1",
        ),
    )
}


def variant_named(name: str) -> Variant:
    """The variant of that name. Raises: UserError if there is none."""
    return choose("variant", name, VARIANTS)


def compat_named(name: str) -> Compat:
    """The version of the reference that has this name. Raises: UserError if there is none."""
    return choose("compat", name, COMPATS)


def languages_of(variant: Variant, languages: str | None) -> tuple[str, ...]:
    """The languages to keep: those in a comma-separated list, or all languages of the variant.

    Raises: UserError for a language that the variant does not have.
    """
    if not languages:
        return variant.languages
    wanted = tuple(dict.fromkeys(name.strip() for name in languages.split(",") if name.strip()))
    unknown = [name for name in wanted if name not in variant.languages]
    if unknown or not wanted:
        raise UserError(
            f"variant {variant.name} has no language {', '.join(unknown) or languages!r}; "
            f"it has {', '.join(variant.languages)}"
        )
    return wanted
