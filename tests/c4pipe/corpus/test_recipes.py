"""Recipe files: those of c4pipe, a file of the user's own, and the errors of wrong files."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from c4pipe.corpus.cleaning import Cleaner
from c4pipe.corpus.language.catalog import IDENTIFIERS
from c4pipe.corpus.recipes import recipe_files
from c4pipe.corpus.rules import EndMarks, FewestCharacters, FewestWords
from c4pipe.corpus.variants import VARIANTS
from c4pipe.errors import UserError

OURS = recipe_files.text_of_ours("en")


def changed(old: str, new: str) -> str:
    assert old in OURS
    return OURS.replace(old, new, 1)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_recipe_that_is_written_is_read_as_the_same_one(name):
    variant = VARIANTS[name]
    again = recipe_files.parse(recipe_files.to_text(variant), "again.toml")
    assert again == variant and recipe_files.digest(again) == recipe_files.digest(variant)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("words = 5", 'words = "5"', "rule 4 (fewest_words): words: Expected `int`, got `str`"),
        ("words = 5", "words = 0", "rule 4 (fewest_words): words: Expected `int` >= 1"),
        ("words = 5", "wrds = 5", "unknown key 'wrds'; did you mean words? The keys are name, drops, words"),
        ("words = 5\n", "", "rule 4 (fewest_words): words not given"),
        ('kind = "fewest_words"', 'kind = "fewest_word"', "did you mean fewest_words? The kinds are longest_word"),
        ('kind = "fewest_words"\n', "", "rule 4 has no kind"),
        ('drops = "line"', 'drops = "lines"', "drops: Invalid enum value 'lines'; it is one of line, page"),
        ('"use cookies"', '"Use cookies"', "phrases must be in lower case, which 'Use cookies' is not"),
        ('"too_short"', '"policy"', "two rules are called 'policy'"),
        ("pattern = '", "pattern = '(", "pattern is not a regular expression"),
        ("deduplicate_lines", "dedup_lines", "unknown key 'dedup_lines'; did you mean deduplicate_lines?"),
        ("badwords_fraction = 1.0", "badwords_fraction = 1.5", "badwords_fraction: Expected `float` <= 1.0"),
        ("badwords_fraction = 1.0", "badwords_fraction = true", "badwords_fraction: Expected `float`, got `bool`"),
        ("min_probability = 0.99", 'min_probability = "of"', "it is a number, or of_compat"),
        (
            "min_probability = 0.99",
            'min_probability = "of_compat"',
            "is only for splits_by_language = true; give a number",
        ),
        ('sentences = "english"', 'language_header = "on"', "it is one of off, prefer"),
        ('sentences = "english"', "paragraphs = {line = 1}", "paragraphs: unknown key 'line'; did you mean lines?"),
        (
            '"langdetect"',
            '"langdetekt"',
            "there is no 'langdetekt'; did you mean langdetect? There are langdetect, cld3",
        ),
        ('"english"', '"englisch"', "punkt_tab has no 'englisch'; did you mean english? It has czech, danish"),
        ('languages = ["en"]', "languages = []", "languages: Expected `array` of length >= 1"),
        ('name = "en"', "name =", "own.toml is not TOML"),
        ('name = "en"\n', "", "own.toml: name not given"),
    ],
)
def test_a_fault_is_one_line_with_its_place_and_the_possible_values(old, new, said):
    with pytest.raises(UserError, match=r"\Aown\.toml") as raised:
        recipe_files.parse(changed(old, new), "own.toml")
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_the_page_about_recipes_names_every_kind_with_its_parameters_and_every_language_identifier():
    """A new kind or identifier needs a line in `docs/recipes.md`."""
    text = (Path(__file__).parents[3] / "docs" / "recipes.md").read_text(encoding="utf-8")
    for name, kind in recipe_files.KINDS.items():
        assert f"`{name}`" in text, f"docs/recipes.md does not name the kind {name}"
        if row := next((line for line in text.splitlines() if line.startswith(f"| `{name}` |")), ""):
            own = {field.name for field in fields(kind)} - {"name", "drops"}
            assert {parameter for parameter in own if f"`{parameter}`" in row} == own, name
    for name in IDENTIFIERS:
        assert f"`{name}`" in text, f"docs/recipes.md does not name the language identifier {name}"


def test_rules_that_are_not_tables_are_an_error():
    with pytest.raises(UserError, match=re.escape("each below a line [[rules]]")):
        recipe_files.parse('name = "x"\ndescription = ""\nlanguages = ["en"]\nrules = 3', "own.toml")


def test_the_digest_covers_only_fields_that_can_change_a_corpus():
    digest = recipe_files.digest(VARIANTS["en"])
    named = changed('description = "English C4"', 'description = "another"').replace('name = "en"', 'name = "mine"', 1)
    assert recipe_files.digest(recipe_files.parse(named, "own.toml")) == digest
    assert recipe_files.digest(recipe_files.parse(changed("words = 5", "words = 6"), "own.toml")) != digest
    assert len({recipe_files.digest(variant) for variant in VARIANTS.values()}) == len(VARIANTS)


def test_four_variants_clean_as_en_does():
    for name in ("en.noblocklist", "realnewslike", "webtextlike"):
        assert VARIANTS[name].rules == VARIANTS["en"].rules


def test_the_rules_of_a_file_of_one_s_own_are_obeyed():
    text = changed("words = 5", "words = 2").replace("sentences = 3", "sentences = 1")
    variant = recipe_files.parse(text, "own.toml")
    assert FewestWords("too_short", words=2) in variant.rules and variant.min_sentences == 1
    # One line is one sentence at least, so no splitter is asked.
    assert Cleaner(variant.rules, sentences=None).clean("Two words.\nMenu").text == "Two words."


def test_characters_are_counted_without_white_space():
    rule = FewestCharacters("too_short", characters=4)
    assert rule.takes("日 本 語") and not rule.takes("日 本 語。")


def test_without_an_ending_that_is_not_wanted_the_marks_alone_decide():
    rule = EndMarks("no_endmark", marks=(".", "!"), not_in="")
    lines = ["It ends.", "It goes on...", "No end"]
    assert [rule.takes(line) for line in lines] == [False, False, True]
    assert rule.untaken(lines, "\n".join(lines).lower()) == lines[:2]
