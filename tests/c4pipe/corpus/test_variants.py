import pytest

from c4pipe.corpus import variants
from c4pipe.errors import UserError


def test_the_variants_are_those_of_the_reference():
    table = {
        name: (v.clean, v.deduplicate_lines, v.badwords_fraction, v.listed_domains, v.listed_urls, v.paragraph_filter)
        for name, v in variants.VARIANTS.items()
    }
    assert table == {
        "en": (True, True, 1.0, False, False, False),
        "en.noblocklist": (True, True, 0.0, False, False, False),
        "en.noclean": (False, False, 0.0, False, False, False),
        "realnewslike": (True, True, 1.0, True, False, False),
        "webtextlike": (True, True, 1.0, False, True, False),
        "multilingual": (False, True, 0.999, False, False, True),
    }


def test_mc4_has_107_languages_and_the_unknown_one():
    assert len(variants.MC4_LANGUAGES) == len(set(variants.MC4_LANGUAGES)) == 107
    assert variants.VARIANTS["multilingual"].languages == (*variants.MC4_LANGUAGES, "und")
    assert {"iw", "fil", "zh", "zh-Latn"} <= set(variants.MC4_LANGUAGES)


def test_languages_can_only_be_narrowed():
    multilingual, english = variants.VARIANTS["multilingual"], variants.VARIANTS["en"]
    assert variants.languages_of(multilingual, None) == multilingual.languages
    assert variants.languages_of(multilingual, "de, fr,de") == ("de", "fr")
    assert variants.languages_of(english, "en") == ("en",)
    for languages in ("de", "xx,en", ",", "en,de"):
        with pytest.raises(UserError, match="variant en has no language"):
            variants.languages_of(english, languages)


def test_unknown_names_are_errors_of_the_user():
    with pytest.raises(UserError, match=r"unknown variant 'de'\. There are en, en\.noblocklist"):
        variants.variant_named("de")
    with pytest.raises(UserError, match=r"unknown compat '3'\. There are tfds-3\.1\.0, tfds-3\.0\.1"):
        variants.compat_named("3")
