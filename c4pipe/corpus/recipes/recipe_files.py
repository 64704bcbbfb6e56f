"""Reads recipe files (TOML) strictly, writes them, and computes the digest by which manifests refer to a recipe.

A file is a table with the fields of `Variant`. Its rules are tables `[[rules]]`, each with a `kind` of `KINDS` and the
fields of that kind.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, fields, replace
from importlib import resources
from typing import Any

import msgspec

from c4pipe.choices import did_you_mean
from c4pipe.corpus.language.catalog import IDENTIFIERS
from c4pipe.corpus.language.language_data import language_data
from c4pipe.corpus.language_rules import (
    EndMarksOfLanguage,
    FewestWordsOfLanguage,
    LongestWordOfLanguage,
    Never,
    PhrasesOfLanguage,
)
from c4pipe.corpus.pinned_assets import PUNKT_LANGUAGES
from c4pipe.corpus.recipes.variant import OF_LANGUAGE, Variant
from c4pipe.corpus.rules import (
    EndMarks,
    FewestCharacters,
    FewestSentences,
    FewestWords,
    LongestWord,
    Phrases,
    Rewrite,
    Rule,
)
from c4pipe.errors import UserError
from c4pipe.toml_tables import converted, parse_toml

KINDS: dict[str, type[Rule]] = {
    "longest_word": LongestWord,
    "rewrite": Rewrite,
    "end_marks": EndMarks,
    "fewest_words": FewestWords,
    "fewest_characters": FewestCharacters,
    "phrases": Phrases,
    "fewest_sentences": FewestSentences,
    "longest_word_of_language": LongestWordOfLanguage,
    "end_marks_of_language": EndMarksOfLanguage,
    "fewest_words_of_language": FewestWordsOfLanguage,
    "phrases_of_language": PhrasesOfLanguage,
    "never": Never,
}
_KIND, _RULES = "kind", "rules"
_NAMES = {kind: name for name, kind in KINDS.items()}
# The fields of a rule that may be left out. All other fields of its kind must be given.
_OPTIONAL = ("drops", "long_marks", "long_words", "dashes")


def text_of_ours(name: str) -> str:
    """The text of a recipe file that comes with this package."""
    return resources.files("c4pipe.corpus.recipes").joinpath(f"{name}.toml").read_text(encoding="utf-8")


def parse(text: str, where: str) -> Variant:
    """The recipe in the text of a file. where: the name of the file in error messages.

    Raises: UserError if it is not a recipe.
    """
    table = parse_toml(text, where)
    rows = table.pop(_RULES, [])
    if not isinstance(rows, list):
        raise UserError(f"{where}: rules must be rows, each below a line [[rules]]")
    rules = tuple(_rule(row, f"{where}: rule {number}") for number, row in enumerate(rows, start=1))
    variant = converted(table, Variant, where, required=("name", "description", "languages"), read_apart=(_RULES,))
    if variant.language_identifier not in IDENTIFIERS:
        similar = did_you_mean(variant.language_identifier, IDENTIFIERS)
        raise UserError(
            f"{where}: language_identifier: there is no {variant.language_identifier!r}{similar} "
            f"There are {', '.join(IDENTIFIERS)}"
        )
    if variant.sentences not in (*PUNKT_LANGUAGES, OF_LANGUAGE):
        similar = did_you_mean(variant.sentences, PUNKT_LANGUAGES)
        raise UserError(
            f"{where}: sentences: punkt_tab has no {variant.sentences!r}{similar} It has {', '.join(PUNKT_LANGUAGES)}; "
            f"{OF_LANGUAGE} takes each language's own"
        )
    if not variant.splits_by_language and not isinstance(variant.min_probability, float):
        raise UserError(
            f"{where}: min_probability: {variant.min_probability} is only for splits_by_language = true; give a number"
        )
    names = [rule.name for rule in rules if not isinstance(rule, Rewrite)]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(
            f"{where}: two rules are called {repeated[0]!r}; give each rule its own name, which its counter also has"
        )
    return replace(variant, rules=rules)


def _rule(row: Any, where: str) -> Rule:
    """The rule of one table `[[rules]]`."""
    if not isinstance(row, dict) or _KIND not in row:
        raise UserError(f"{where} has no kind; the kinds are {', '.join(KINDS)}")
    fields_of_row = dict(row)
    kind = fields_of_row.pop(_KIND)
    if kind not in KINDS:
        similar = did_you_mean(str(kind), KINDS)
        raise UserError(f"{where} is of no known kind: {kind!r}{similar} The kinds are {', '.join(KINDS)}")
    required = tuple(field.name for field in fields(KINDS[kind]) if field.name not in _OPTIONAL)
    rule = converted(fields_of_row, KINDS[kind], f"{where} ({kind})", required=required)
    if isinstance(rule, Phrases) and (upper := [phrase for phrase in rule.phrases if phrase != phrase.lower()]):
        raise UserError(f"{where} ({kind}): phrases must be in lower case, which {upper[0]!r} is not")
    if isinstance(rule, Rewrite):
        try:
            re.compile(rule.pattern)
        except re.error as error:
            raise UserError(f"{where} ({kind}): pattern is not a regular expression: {error}") from error
    return rule


def to_table(variant: Variant) -> dict[str, Any]:
    """The recipe as plain values, in the order of the fields. `parse` reads their TOML."""
    table = {field.name: _plain(getattr(variant, field.name)) for field in fields(variant) if field.name != _RULES}
    rows = [
        {_KIND: _NAMES[type(rule)], **{field.name: _plain(getattr(rule, field.name)) for field in _shown(rule)}}
        for rule in variant.rules
    ]
    # A field that the reference does not have is left out if it is off, so that the digests of its recipes stay the
    # same.
    if not variant.near_duplicates:
        del table["near_duplicates"]
    if not variant.prefers_language_header:
        del table["language_header"]
    return {**{name: value for name, value in table.items() if value is not None}, _RULES: rows}


def _shown(rule: Rule) -> list[Field]:
    """The fields to write for a rule: optional fields only if they differ from their defaults."""
    return [
        field
        for field in fields(rule)
        if field.name not in _OPTIONAL or field.default is MISSING or getattr(rule, field.name) != field.default
    ]


def _plain(value: Any) -> Any:
    return None if value is None else msgspec.to_builtins(value)


def to_text(variant: Variant) -> str:
    """The recipe as the text of a file."""
    table = to_table(variant)
    rows = table.pop(_RULES)
    paragraphs = table.pop("paragraphs", None)
    parts = [_lines(table)]
    if paragraphs:
        parts.append(f"[paragraphs]\n{_lines(paragraphs)}")
    parts += [f"[[rules]]\n{_lines(row)}" for row in rows]
    return "\n".join(parts)


def _lines(table: Mapping[str, Any]) -> str:
    # Strings, numbers, booleans and lists of them are written in TOML as in JSON.
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in table.items())


def digest(variant: Variant) -> str:
    """SHA-256 of everything in a recipe that can change a corpus: all fields except its name and description.

    Of a recipe whose rules take parameters from languages, these parameters belong to it.
    """
    table = to_table(variant)
    del table["name"], table["description"]
    if variant.cleans_by_language:
        table["language_data"] = [asdict(language_data(language)) for language in variant.languages]
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()
