"""Every rule of cleaning, with its edge cases."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c4pipe.corpus.cleaning import Cleaner, dropped_lines, line_outcome
from c4pipe.corpus.judging import Ruling
from c4pipe.corpus.rules import LineRule, LongestWord, Phrases, line_outcomes
from c4pipe.corpus.sentences.counter import SentenceCounter
from c4pipe.corpus.sentences.punkt import PunktParameters
from c4pipe.corpus.variants import C4_RULES, COMPATS

GOOD = "This is a line with enough words."
SENTENCES = SentenceCounter(PunktParameters(frozenset({"dr"}), frozenset(), frozenset(), {}), "nltk-3.8.1")
CLEANER = Cleaner(C4_RULES, SENTENCES)


def outcome(line: str) -> str:
    return line_outcome(line, C4_RULES).name


def kept(line: str) -> str:
    assert outcome(line) == "passed", outcome(line)
    return line_outcome(line, C4_RULES).line


def clean(*lines: str) -> Ruling:
    return CLEANER.clean("\n".join(lines))


@pytest.mark.parametrize("compat", COMPATS)
def test_curly_quotes_hide_the_ends_of_sentences_from_the_reference(compat):
    def cleaned(text: str, punkt: str) -> Ruling:
        parameters = PunktParameters(frozenset(), frozenset(), frozenset(), {})
        return Cleaner(C4_RULES, SentenceCounter(parameters, punkt)).clean(text)

    page = "He said, “We leave now.” She said, “Not yet.” They all went home after that."
    assert cleaned(page, COMPATS[compat].punkt).reason == "too_few_sentences"
    assert cleaned(page, "nltk-3.10.4").text == page
    straight = page.replace("“", '"').replace("”", '"')
    assert cleaned(straight, COMPATS[compat].punkt).text == straight


def test_a_word_of_1000_characters_passes_and_one_of_1001_drops_its_line():
    assert outcome("x" * 1000 + " is a long word here.") == "passed"
    assert outcome("x" * 1001 + " is a long word here.") == "too_long_word"
    assert outcome(("x" * 999 + " ") * 9 + "end.") == "passed"


def test_a_too_long_word_is_tested_before_all_other_rules():
    assert outcome("lorem ipsum { " + "x" * 1001) == "too_long_word"


def test_words_are_separated_by_any_white_space():
    assert outcome("x" * 600 + "\u3000" + "x" * 600 + " a b c d.") == "passed"
    assert outcome("x" * 600 + "\u200b" + "x" * 600 + " a b c d.") == "too_long_word"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A claim that is proven.[12]", "A claim that is proven."),
        ("A claim[] that[3] is proven.", "A claim that is proven."),
        ("History of it[edit] is told here.", "History of it is told here."),
        ("It is so[citation needed] they say now.", "It is so they say now."),
        # Only these: not [Edit], not [a], not a number with a blank.
        ("It is [a] [Edit] [ 1] that stays.", "It is [a] [Edit] [ 1] that stays."),
        # Digits of any script.
        ("A claim that is proven.[٣]", "A claim that is proven."),
    ],
)
def test_citation_marks_are_removed(line, expected):
    assert kept(line) == expected


def test_a_line_is_not_stripped_again_after_its_marks_are_gone():
    assert kept("[1] Behind the mark there is a blank.") == " Behind the mark there is a blank."
    assert outcome("Before the mark there is a blank. [1]") == "no_endmark"


@pytest.mark.parametrize("end", [".", "?", "!", '"'])
def test_a_line_must_end_in_a_mark(end):
    assert outcome("This line ends in a mark" + end) == "passed"


@pytest.mark.parametrize("end", ["", ":", ";", "'", "\u201d", "\u2026", "...", "\u3002", ")"])
def test_other_ends_drop_a_line(end):
    assert outcome("This line ends in no mark" + end) == "no_endmark"


def test_only_an_ellipsis_of_three_dots_is_not_an_end_mark():
    assert outcome("This line goes on and on....") == "no_endmark"
    assert outcome("This line goes on and on..") == "passed"


def test_a_line_needs_five_words():
    assert outcome("Four words are few.") == "too_short"
    assert outcome("But five words are enough.") == "passed"
    assert outcome("One - two ! four.") == "passed", "white space parts words, not sense"


def test_words_are_counted_after_citation_marks_are_gone():
    assert outcome("Four words are [1] few.") == "too_short"


@pytest.mark.parametrize("line", ["Here is Lorem Ipsum to be seen.", "So says LOREM IPSUM dolor sit amet."])
def test_lorem_ipsum_drops_the_page(line):
    assert clean(GOOD, line, GOOD) == Ruling("loremipsum", line_counts=(0, 0, 0, 0, 0, 1))


def test_javascript_drops_its_line():
    assert clean(GOOD, GOOD, GOOD, "Please enable JavaScript in your browser.").line_counts == (0, 0, 0, 1, 0, 3)


def test_a_curly_bracket_drops_the_page():
    assert clean(GOOD, "A line with { in it.").reason == "squigglybracket"
    assert outcome("A line with } in it.") == "passed"


def test_javascript_is_looked_for_before_the_bracket_and_lorem_ipsum_before_both():
    assert outcome("This javascript has { in it.") == "javascript"
    assert outcome("This lorem ipsum javascript { policy.") == "loremipsum"


POLICY = next(rule for rule in C4_RULES if isinstance(rule, Phrases) and rule.name == "policy")


@pytest.mark.parametrize("phrase", POLICY.phrases)
def test_policy_phrases_drop_their_line(phrase):
    assert outcome(f"Read what the {phrase.title()} may say here.") == "policy"


def test_rules_that_drop_pages_see_only_lines_that_got_that_far():
    page = clean(GOOD, GOOD, GOOD, "lorem ipsum {", "Lorem ipsum. {", "{ lorem ipsum few.")
    assert page.reason == "" and page.text == "\n".join([GOOD] * 3)


def test_a_bracket_after_a_policy_phrase_still_drops_the_page():
    assert outcome("Our privacy policy { is long.") == "squigglybracket"


def test_lines_part_at_every_line_end_that_python_knows():
    for end in "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029":
        assert CLEANER.clean(end.join([GOOD] * 3)).text == "\n".join([GOOD] * 3), repr(end)


def test_three_sentences_are_needed_and_a_line_may_have_several():
    assert clean("There is one. There are two.").reason == "too_few_sentences"
    assert clean("There is one. There are two. Here is three.").reason == ""
    assert clean("There is one. There are two.", GOOD).reason == ""
    assert (
        clean(
            "We saw old Dr. Brown. He left.",
        ).reason
        == "too_few_sentences"
    )
    assert clean("").reason == "too_few_sentences"


def test_three_kept_lines_have_three_sentences():
    assert clean(GOOD, GOOD, GOOD).reason == ""
    assert clean(GOOD, GOOD, "No mark at the end of this").reason == "too_few_sentences"


def test_the_text_is_stripped_as_a_whole_and_no_line_by_itself():
    page = clean("[1] First line with some words.", "[2] Second line with some words.", GOOD)
    assert page.text == f"First line with some words.\n Second line with some words.\n{GOOD}"


def test_counts_follow_the_order_of_the_rules():
    lines = ["x" * 1001, "No end", "Too short.", "Javascript is what this needs.", "The privacy policy is long here."]
    assert clean(*lines, GOOD, GOOD, GOOD).line_counts == (1, 1, 1, 1, 1, 3)
    assert line_outcomes(C4_RULES) == ("too_long_word", "no_endmark", "too_short", "javascript", "policy", "passed")


def test_lines_after_a_page_rule_are_not_counted():
    assert clean("No end", "A line with { in it.", "No end", GOOD).line_counts == (0, 1, 0, 0, 0, 0)


def test_blank_lines_have_no_endmark():
    assert clean("", GOOD, " ", GOOD, GOOD).line_counts == (0, 2, 0, 0, 0, 3)


def test_dropped_lines_name_their_rule():
    lines = dropped_lines("\n".join(["No end", GOOD, "Too short.", "A line with { in it.", "never seen"]), C4_RULES)
    assert [(line.line, line.name) for line in lines] == [("No end", "no_endmark"), ("Too short.", "too_short")]


def test_a_cleaner_travels():
    page = "\n".join([GOOD] * 3)
    assert pickle.loads(pickle.dumps(CLEANER)).clean(page) == CLEANER.clean(page)


pieces = st.sampled_from(
    [
        "words ",
        "of ",
        "a ",
        "line",
        ".",
        "!",
        "...",
        '"',
        "[1]",
        "[edit]",
        "[",
        "java",
        "script",
        "JavaScript ",
        "privacy ",
        "policy ",
    ]
    + [
        "Lorem ",
        "ipsum ",
        "{",
        "cookie ",
        "use ",
        "terms ",
        "\n",
        "\n",
        "\v",
        "\u2028",
        "\u3000",
        "x" * 500,
        "y" * 501,
        " ",
        "İ",
        "Σ",
        "K",
    ]
)


@given(text=st.lists(pieces, max_size=60).map("".join))
@settings(max_examples=1500, deadline=None)
def test_rule_by_rule_and_line_by_line_come_to_the_same(text):
    together = CLEANER._lines_together(text)
    by_line = CLEANER._line_by_line(text)
    assert (together is None) is bool(by_line.reason)
    assert together is None or together == by_line


@given(
    text=st.lists(pieces, max_size=60).map("".join),
    rule=st.sampled_from([r for r in C4_RULES if isinstance(r, LineRule)]),
)
@settings(max_examples=500, deadline=None)
def test_a_rule_takes_the_same_lines_together_and_one_by_one(text, rule):
    lines = [line.strip() for line in text.splitlines()]
    assert rule.untaken(lines, text.lower()) == [line for line in lines if not rule.takes(line)]


@given(line=st.lists(st.sampled_from([" ", "\u3000", "x" * 400, "y" * 601, "z", "\t"]), max_size=12).map("".join))
@settings(max_examples=500, deadline=None)
def test_a_too_long_word_is_found_at_any_place(line):
    assert LongestWord("long", characters=1000).takes(line) == any(len(word) > 1000 for word in line.split())


def test_removing_a_mark_may_create_a_phrase():
    assert clean(GOOD, GOOD, GOOD, "Please enable java[1]script in your browser.").line_counts == (0, 0, 0, 1, 0, 3)
    assert clean(GOOD, "Here is lorem[edit] ipsum to be seen.").reason == "loremipsum"
