from dataclasses import replace

import pytest

from c4pipe.corpus import variants
from c4pipe.corpus.cleaning import line_outcome
from c4pipe.corpus.language.language_data import codes, language_data
from c4pipe.corpus.rules import EndMarks, FewestCharacters, FewestWords, line_outcomes
from c4pipe.corpus.variants import VARIANTS, languages_of, of_one_language, variant_named
from c4pipe.errors import UserError

CLEAN = VARIANTS["clean"]


def outcome(language: str, line: str) -> str:
    return line_outcome(line, CLEAN.rules_of(language)).name


@pytest.mark.parametrize(
    ("language", "line", "name"),
    [
        ("de", "Er sagte: „Das ist gut so.“", "passed"),
        ("en", "He said that it was good “", "no_endmark"),
        ("de", "Unsere Seite verwendet Cookies für alles Mögliche.", "policy"),
        ("fr", "Ce site utilise des cookies pour votre confort.", "policy"),
        ("fr", "Il a dit : « Je viens demain matin. »", "passed"),
        ("ja", "今日はとても暑い一日でしたね。", "passed"),
        ("ja", "雨です。", "too_short"),
        ("ja", "当サイトではクッキーを使用しています。", "policy"),
        ("ja", "お問い合わせ", "no_endmark"),
        ("zh", "今天的天气非常好。", "passed"),
        ("hi", "यह एक बहुत अच्छा दिन है।", "passed"),
        ("ru", "Он сказал: «Завтра мы придём снова»", "passed"),
        ("ro", "Acest site folosește cookie-uri pentru tot felul de lucruri.", "policy"),
        ("th", "เมนู", "too_short"),
        ("de", "Bitte aktivieren Sie Javascript in Ihrem Browser.", "javascript"),
        ("de", "Nach einer Weile fuhr er mit leiser Stimme fort:", "passed"),
        ("de", "Mehr zu diesem Thema finden Sie:", "no_endmark"),
        ("en", "After a while he went on in a very low voice:", "no_endmark"),
        ("ro", "— Doamna noastră voieşte să-l bei... te roagă...", "passed"),
        ("ro", "— Ei bine…", "too_short"),
        ("ro", "Doamna noastră voieşte ca dumneata să-l bei...", "no_endmark"),
        ("fr", "— Je ne sais pas ce que je dois dire...", "no_endmark"),
    ],
)
def test_lines_are_judged_by_the_rules_of_their_language(language, line, name):
    assert outcome(language, line) == name


@pytest.mark.parametrize("language", codes())
def test_all_languages_have_the_same_rows_in_the_report(language):
    assert line_outcomes(CLEAN.rules_of(language)) == line_outcomes(CLEAN.rules)


def test_words_are_counted_by_script():
    assert FewestWords("too_short", words=5) in CLEAN.rules_of("de")
    assert FewestCharacters("too_short", characters=12) in CLEAN.rules_of("ja")
    assert not any(isinstance(rule, EndMarks) for rule in CLEAN.rules_of("th"))


def test_a_rule_without_its_language_judges_nothing():
    with pytest.raises(TypeError, match="depends on the language"):
        line_outcome("A line of five words.", CLEAN.rules)


def test_the_short_name_is_the_variant_with_one_language():
    german = variant_named("clean.de")
    assert german.name == "clean" and german.languages == ("de",)
    assert languages_of(CLEAN, "nb,he") == ("no", "iw")
    with pytest.raises(UserError, match="variant clean has no language 'xx'"):
        variant_named("clean.xx")


def test_the_recipe_of_one_language_has_its_parameters():
    german = of_one_language(CLEAN, "de")
    assert german.rules == CLEAN.rules_of("de") and german.sentences == "german" and german.min_probability == 0.99
    assert not german.cleans_by_language


def test_languages_that_no_identifier_knows_together_are_an_error_of_the_user(monkeypatch):
    known_by = {"de": {"langdetect": 0.99}, "hy": {"cld3": 0.95}}
    data = {code: replace(language_data(code), min_probability=known_by[code]) for code in known_by}
    monkeypatch.setattr(variants, "language_data", data.__getitem__)
    with pytest.raises(UserError, match="other does not know de, hy; no identifier knows all of them"):
        variants.for_run(CLEAN, ("de", "hy"), "other")
