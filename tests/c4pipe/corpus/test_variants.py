import pytest

from c4pipe.corpus import variants
from c4pipe.corpus.rules import Drops, PageRule, Rewrite
from c4pipe.errors import UserError

REFERENCE = ("en", "en.noblocklist", "en.noclean", "realnewslike", "webtextlike", "multilingual")


def test_the_variants_are_those_of_the_reference():
    table = {
        name: (
            bool(v.rules),
            v.deduplicate_lines,
            v.badwords_fraction,
            v.listed_domains,
            v.listed_urls,
            bool(v.paragraphs),
        )
        for name, v in variants.VARIANTS.items()
        if name in REFERENCE
    }
    assert table == {
        "en": (True, True, 1.0, False, False, False),
        "en.noblocklist": (True, True, 0.0, False, False, False),
        "en.noclean": (False, False, 0.0, False, False, False),
        "realnewslike": (True, True, 1.0, True, False, False),
        "webtextlike": (True, True, 1.0, False, True, False),
        "multilingual": (False, True, 0.999, False, False, True),
    }


def test_the_rules_of_the_reference_s_variants_are_its_own_and_in_its_order():
    """They make the corpora that people know: a new rule goes into a variant of its own."""
    c4 = [
        ("too_long_word", Drops.LINE),
        ("no_endmark", Drops.LINE),
        ("too_short", Drops.LINE),
        ("loremipsum", Drops.PAGE),
        ("javascript", Drops.LINE),
        ("squigglybracket", Drops.PAGE),
        ("policy", Drops.LINE),
        ("too_few_sentences", Drops.PAGE),
    ]
    for name in REFERENCE:
        rows = [rule for rule in variants.VARIANTS[name].rules if not isinstance(rule, Rewrite)]
        found = [(rule.name, Drops.PAGE if isinstance(rule, PageRule) else rule.drops) for rule in rows]
        assert found == ([] if name in ("en.noclean", "multilingual") else c4), name


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
