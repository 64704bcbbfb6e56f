"""The content of a recipe file: which stages a corpus has, and their parameters."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import msgspec

from c4pipe.corpus.language.language_data import BY_MARKS, LanguageData, language_data
from c4pipe.corpus.language_rules import LineRuleOfLanguage, rules_of_language
from c4pipe.corpus.rules import FewestSentences, Paragraphs, Rule

# Used instead of a number: the threshold of the language identifier depends on the version of the reference (`Compat`).
OF_COMPAT = "of_compat"
# Used instead of a number or a name: the value comes from the data of each language.
OF_LANGUAGE = "of_language"
# Whether Common Crawl's own identification of a page's language is used.
OFF, PREFER = LANGUAGE_HEADER = ("off", "prefer")

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Name = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")]


@dataclass(frozen=True)
class Variant:
    """A variant of C4: which stages it has, and their parameters (reference: `C4Config`).

    languages: all languages that a run can keep. language_identifier: the default; the command line may name another.
    min_probability: a language with a lower probability counts as unsure; a number, `of_compat`, or `of_language`.
    rules: the rules of cleaning, in order; without rules, pages are not cleaned. sentences: the language of `punkt_tab`
    whose parameters split sentences, or `of_language`. badwords_fraction: the share of the pages with a bad word that
    is dropped. paragraphs: the paragraphs that every page must have. splits_by_language: whether each language has its
    own splits. near_duplicates: whether near-duplicates are dropped, which the reference never does.
    language_header: `prefer` skips pages whose record names none of the wanted languages, which the reference never
    does.
    """

    name: _Name
    description: str
    languages: Annotated[tuple[_Text, ...], msgspec.Meta(min_length=1)] = ("en",)
    splits_by_language: bool = False
    language_identifier: _Name = "langdetect"
    min_probability: Share | Literal["of_compat", "of_language"] = 0.99
    listed_domains: bool = False
    listed_urls: bool = False
    deduplicate_lines: bool = True
    badwords_fraction: Share = 1.0
    sentences: _Name = "english"
    paragraphs: Paragraphs | None = None
    near_duplicates: bool = False
    language_header: Literal["off", "prefer"] = "off"
    rules: tuple[Rule, ...] = ()

    @property
    def prefers_language_header(self) -> bool:
        return self.language_header == PREFER

    @property
    def min_sentences(self) -> int:
        """The fewest sentences of a page, after cleaning and again after line deduplication. 0: no minimum."""
        return max((rule.sentences for rule in self.rules if isinstance(rule, FewestSentences)), default=0)

    @property
    def cleans_by_language(self) -> bool:
        """Whether cleaning depends on the page's language, so that it must be known before."""
        return self.sentences == OF_LANGUAGE or any(isinstance(rule, LineRuleOfLanguage) for rule in self.rules)

    def rules_of(self, language: str) -> tuple[Rule, ...]:
        """The rules that clean the pages of a language."""
        return rules_of_language(self.rules, language_data(language)) if self.cleans_by_language else self.rules

    def punkt_of(self, language: LanguageData) -> str:
        """The language in `punkt_tab` whose parameters split sentences; empty if only end marks are used."""
        if self.sentences != OF_LANGUAGE:
            return self.sentences
        return "" if language.sentences == BY_MARKS else language.sentences

    @property
    def needs_sentences(self) -> bool:
        """Whether a sentence splitter is needed."""
        return bool(self.rules)

    @property
    def until_lines(self) -> "Variant":
        """The recipe without what has an effect only after the pages' lines have competed.

        Recipes that agree in this have the same cleaned pages, so runs of them can share these.
        """
        return replace(self, min_probability=0.0, badwords_fraction=0.0, near_duplicates=False, deduplicate_lines=True)

    @property
    def until_badwords(self) -> "Variant":
        """The recipe without what has an effect only after a page's language is known."""
        return replace(self, badwords_fraction=0.0, near_duplicates=False)

    @property
    def needs_badwords(self) -> bool:
        return self.badwords_fraction > 0
