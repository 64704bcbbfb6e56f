"""The variants of C4 and the two versions of the reference, as data. No stage asks for the name of a variant."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from c4pipe.choices import choose
from c4pipe.corpus.language.codes import UNKNOWN_LANGUAGE
from c4pipe.corpus.language.language_data import canonical_code, codes, language_data
from c4pipe.corpus.recipes import recipe_files
from c4pipe.corpus.recipes.variant import OF_LANGUAGE, Variant
from c4pipe.corpus.rules import Rule
from c4pipe.errors import UserError

__all__ = [
    "C4_RULES",
    "COMPATS",
    "KEPT",
    "KEYS",
    "MC4_LANGUAGES",
    "MINHASH",
    "NEAR_DUPLICATES",
    "VARIANTS",
    "Compat",
    "Variant",
]

# Near-duplicates are either kept, or found by MinHash and dropped.
KEPT, MINHASH = "off", "minhash"
NEAR_DUPLICATES = (KEPT, MINHASH)

# Whether the keys of a corpus's URLs and lines are kept, so that another crawl can be added to it later.
KEYS_KEPT, KEYS_OFF = KEYS = ("keep", "off")

# Each variant is a file in `recipes/`.
_NAMES = ("en", "en.noblocklist", "en.noclean", "realnewslike", "webtextlike", "multilingual", "clean")
VARIANTS: dict[str, Variant] = {
    name: recipe_files.parse(recipe_files.text_of_ours(name), f"{name}.toml") for name in _NAMES
}

# The rules by which C4 cleans a page, in the order of the reference's `clean_page`.
C4_RULES: tuple[Rule, ...] = VARIANTS["en"].rules

# The languages of mC4: all that CLD3 knows and that had at least 10,000 pages (reference: MC4_LANGUAGES).
MC4_LANGUAGES = tuple(name for name in VARIANTS["multilingual"].languages if name != UNKNOWN_LANGUAGE)


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
    """The variant of that name; `clean.de` is `clean` with only German. Raises: UserError if there is none."""
    variant_name, dot, language = name.partition(".")
    if name not in VARIANTS and dot and variant_name in VARIANTS and VARIANTS[variant_name].cleans_by_language:
        variant = VARIANTS[variant_name]
        return replace(variant, languages=languages_of(variant, language))
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
    names = [name.strip() for name in languages.split(",") if name.strip()]
    if variant.cleans_by_language:
        names = list(map(canonical_code, names))
    wanted = tuple(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in variant.languages]
    if unknown or not wanted:
        raise UserError(
            f"variant {variant.name} has no language {', '.join(unknown) or languages!r}; "
            f"it has {', '.join(variant.languages)}"
        )
    return wanted


def for_run(variant: Variant, languages: Sequence[str], identifier: str | None) -> Variant:
    """The variant of a run: with the run's language identifier and, if rules depend on the language, its languages.

    Raises: UserError if the identifier does not know a language.
    """
    if identifier:
        variant = replace(variant, language_identifier=identifier)
    if variant.prefers_language_header:
        header_codes(languages)
        variant = replace(variant, languages=tuple(languages))
    if not variant.cleans_by_language:
        return variant
    name = variant.language_identifier
    unknown = [code for code in languages if name not in language_data(code).min_probability]
    if unknown:
        others = set.intersection(*(set(language_data(code).min_probability) for code in unknown))
        raise UserError(
            f"the language identifier {name} does not know {', '.join(unknown)}; "
            + (f"--language_identifier={min(others)} does" if others else "no identifier knows all of them")
        )
    return replace(variant, languages=tuple(languages))


def of_one_language(variant: Variant, language: str) -> Variant:
    """A variant whose rules depend on the language, with the parameters of one language filled in."""
    data = language_data(language)
    least = variant.min_probability
    if least == OF_LANGUAGE:
        least = data.min_probability[variant.language_identifier]
    return replace(
        variant,
        name=f"{variant.name}.{language}",
        languages=(language,),
        min_probability=least,
        sentences=variant.punkt_of(data) or OF_LANGUAGE,
        rules=variant.rules_of(language),
    )


def header_codes(languages: Sequence[str]) -> tuple[str, ...]:
    """The codes of ISO 639-3 by which Common Crawl's header names the languages.

    Raises: UserError for a language that none are known of.
    """
    known = codes()
    if unknown := [language for language in languages if language not in known]:
        raise UserError(
            f"--language_header=prefer does not know how the header names {', '.join(unknown)}; give --languages of "
            f"{', '.join(known)}"
        )
    return tuple(code for language in languages for code in language_data(language).iso639_3)
