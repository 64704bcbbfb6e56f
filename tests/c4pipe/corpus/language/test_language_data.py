from dataclasses import fields
from pathlib import Path

import pytest

from c4pipe.corpus.language.catalog import load_identifier
from c4pipe.corpus.language.codes import mc4_code
from c4pipe.corpus.language.language_data import BY_MARKS, LanguageData, canonical_code, codes, language_data
from c4pipe.corpus.language_rules import Topic
from c4pipe.corpus.pinned_assets import PUNKT_LANGUAGES
from c4pipe.corpus.variants import MC4_LANGUAGES, VARIANTS
from c4pipe.errors import UserError


@pytest.mark.parametrize("code", codes())
def test_the_data_of_each_language_hold_together(code):
    data = language_data(code)
    assert data.sentences == BY_MARKS or data.sentences in PUNKT_LANGUAGES
    assert set(data.quotes) <= set(data.end_marks)
    assert (data.fewest_characters > 0) is not data.has_blanks
    assert set(data.phrases) <= {topic.value for topic in Topic}
    phrases = [phrase for topic in data.phrases.values() for phrase in topic]
    assert all(phrase == phrase.lower() == phrase.strip() for phrase in phrases)
    assert len(set(phrases)) == len(phrases)


def test_every_language_of_punkt_is_there_and_at_least_twelve_have_phrases():
    names = {language_data(code).sentences for code in codes()}
    assert names - {BY_MARKS} == set(PUNKT_LANGUAGES)
    of_the_union = {
        *("bg", "cs", "da", "de", "el", "es", "et", "fi", "fr", "hr", "hu"),
        *("it", "lt", "lv", "nl", "pl", "pt", "ro"),
    }
    assert of_the_union <= {code for code in codes() if language_data(code).phrases.get("policy")}


def test_an_identifier_is_named_by_the_languages_that_it_knows():
    langdetect = set(map(mc4_code, load_identifier("langdetect").languages))
    named = {code for code in codes() if "langdetect" in language_data(code).min_probability}
    missing, unknown = sorted(langdetect & set(codes()) - named), sorted(named - langdetect)
    assert not missing, f"langdetect knows {missing}; give it a min_probability in their files"
    assert not unknown, f"langdetect does not know {unknown}; take its min_probability out of their files"
    cld3 = {code for code in codes() if "cld3" in language_data(code).min_probability}
    assert cld3 - set(MC4_LANGUAGES) == {"hr"}


def test_the_recipe_lists_the_languages_that_there_are_data_for():
    assert VARIANTS["clean"].languages == codes()


def test_the_page_about_languages_tells_every_key_of_the_data():
    """A new key needs its row in the table of `docs/languages.md`."""
    text = (Path(__file__).parents[4] / "docs" / "languages.md").read_text(encoding="utf-8")
    first_cells = {line.split("|")[1] for line in text.splitlines() if line.startswith("| `")}
    told = {name for cell in first_cells for name in cell.replace("`", "").replace(",", "").split()}
    assert {field.name for field in fields(LanguageData)} - {"code"} <= told


def test_common_codes_stand_for_ours():
    assert [canonical_code(code) for code in ("nb", "he", "zh-tw", "de")] == ["no", "iw", "zh", "de"]


def test_a_language_without_data_is_an_error_of_the_user():
    with pytest.raises(UserError, match="unknown language 'xx'"):
        language_data("xx")


def test_ordinary_words_are_in_the_lists_of_bad_words(shared):
    for code in codes():
        if ordinary := set(language_data(code).ordinary_words):
            listed = (shared / "assets" / "badwords" / code).read_text(encoding="utf-8")
            assert ordinary <= {line.strip() for line in listed.split("\n")}, code
