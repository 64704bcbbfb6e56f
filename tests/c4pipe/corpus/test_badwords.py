import pickle
import re
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c4pipe.corpus.badwords import BadwordsFilter, Words, parse_lists
from c4pipe.corpus.judging import Candidate
from c4pipe.corpus.variants import COMPATS
from c4pipe.errors import UserError

NEW, OLD = COMPATS["tfds-3.1.0"], COMPATS["tfds-3.0.1"]
LISTS = parse_lists(
    {
        "en": "darn\nholy cow\n f.u \n\nbad-word\n$oap\n",
        "ja": "グロ\n悪い\n",
        "fr": "zut\n",
        "fr-CA-u-sd-caqc": "tabarnouche\n",
    }
)
URL = "a.example/1"


def has(text: str, language: str = "en", compat=NEW) -> bool:
    return bool(BadwordsFilter(LISTS, compat).badword_in(text, language))


def outcomes_of(words: BadwordsFilter, text: str, urls: Iterable[str] = (URL,)) -> list[str]:
    """The first counter of each page with this text."""
    return [ruling.counters[0] for ruling in words.judge([Candidate(url, url, text, language="en") for url in urls])]


@pytest.mark.parametrize(
    "text", ["darn", "Oh DARN!", "(darn)", "x\ndarn\n", "“darn”", "darn-it", "a holy cow.", "a bad-word."]
)
def test_a_listed_word_matches_between_characters_that_are_not_letters(text):
    assert has(text)


@pytest.mark.parametrize(
    "text", ["darned", "undarn", "darn_it", "darn1", "édarn", "darné", "holy  cow", "holy\ncow", "bad word"]
)
def test_a_listed_word_does_not_match_inside_of_others(text):
    assert not has(text)


def test_a_word_may_begin_with_a_character_that_is_not_a_letter():
    assert has("buy $oap now") and not has("buy x$oap now")


def test_3_1_0_takes_words_as_plain_text_and_3_0_1_as_expressions():
    assert has("say f.u now") and not has("say fou now")
    assert has("say f.u now", compat=OLD) and has("say fou now", compat=OLD)


def test_an_expression_that_cannot_be_read_is_an_error_of_the_user():
    BadwordsFilter({"en": frozenset({"(:"})}, NEW)
    with pytest.raises(UserError, match="not a regular expression"):
        BadwordsFilter({"en": frozenset({"(:"})}, OLD)


def test_japanese_thai_and_chinese_words_match_inside_of_others():
    assert has("とても悪いです", "ja")
    assert BadwordsFilter({"th": frozenset({"กข"}), "zh": frozenset({"坏"})}, NEW).badword_in("很坏的", "zh")


def test_3_0_1_wants_blanks_around_japanese_words():
    assert not has("とても悪いです", "ja", OLD) and has("とても 悪い です", "ja", OLD)


def test_common_parts_of_good_words_are_allowed():
    assert not has("グロ", "ja")
    allowed = BadwordsFilter({"ja": frozenset({"sm", "グロ", "女の子"}), "zh": frozenset({"性"})}, NEW)
    assert not allowed.badword_in("sm グロ 女の子", "ja") and not allowed.badword_in("性", "zh")


def test_a_regional_list_goes_into_its_language_and_a_script_reads_its_language_s_list():
    assert LISTS["fr"] == {"zut", "tabarnouche"}
    assert has("zut", "fr-Latn") and not has("zut", "en") and not has("zut", "xx")


def test_a_fraction_drops_that_share_by_the_md5_of_the_url():
    words = BadwordsFilter(LISTS, NEW, 0.999)
    outcomes = outcomes_of(words, "darn", (f"a.example/{n}" for n in range(20_000)))
    assert set(outcomes) == {"/filtered", "/soft-passed"} and 5 < outcomes.count("/soft-passed") < 40
    assert outcomes_of(words, "fine") == ["/passed"]


def test_the_whole_fraction_drops_each_and_3_0_1_knows_no_other():
    for words in (BadwordsFilter(LISTS, NEW), BadwordsFilter(LISTS, OLD, 0.999)):
        assert set(outcomes_of(words, "darn", (f"a.example/{n}" for n in range(5000)))) == {"/filtered"}


def test_the_word_that_drops_a_page_is_reported():
    words = BadwordsFilter(LISTS, NEW)
    pages = [("A holy cow, oh DARN!", "en"), ("It is 悪い.", "ja"), ("A fine day.", "en")]
    rulings = words.judge([Candidate(URL, URL, text, language=language) for text, language in pages])
    assert [(ruling.reason, ruling.match) for ruling in rulings] == [("badword", "darn"), ("badword", "悪い"), ("", "")]


def test_a_filter_travels():
    words = pickle.loads(pickle.dumps(BadwordsFilter(LISTS, NEW, 0.5)))
    assert words.badword_in("darn", "en") == "darn" and outcomes_of(words, "fine") == ["/passed"]


pieces = st.sampled_from(
    ["a", "b", "ab", " ", "-", "é", "_", "1", "\n", "K", "ß", "\u212a", "\u0130", "k", "i", ".", "\u0301", "²", "😀"]
)
some_words = st.lists(
    st.lists(pieces, min_size=1, max_size=4).map("".join).map(str.strip).filter(bool), min_size=1, max_size=5
)


@given(words=some_words, text=st.lists(pieces, max_size=15).map("".join))
@settings(max_examples=1500, deadline=None)
def test_tokens_find_the_same_words_as_the_expression(words, text):
    expression = re.compile(r"(?:\W|^)({})(?:\W|$)".format("|".join(map(re.escape, words))))
    assert bool(Words(frozenset(words)).match(text)) == bool(expression.search(text.lower()))


def test_in_whole_runs_a_word_is_not_found_inside_of_another_one():
    words = {"ja": frozenset({"レイプ", "3p"})}
    plain = BadwordsFilter(words, NEW)
    whole = pickle.loads(pickle.dumps(BadwordsFilter(words, NEW, in_whole_runs=True)))
    for text in ("各ターゲットスクレイプに対して", "b3propagator"):
        assert plain.badword_in(text, "ja") and not whole.badword_in(text, "ja")
    for text in ("はレイプの", "スクレイプ、レイプ", "その3Pは"):
        assert plain.badword_in(text, "ja") and whole.badword_in(text, "ja")
