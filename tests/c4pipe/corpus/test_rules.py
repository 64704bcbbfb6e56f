"""The kinds of rules; cleaning, counting and sampling follow the rules of the variant."""

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c4pipe.corpus.cleaning import Cleaner, dropped_lines
from c4pipe.corpus.rules import (
    Drops,
    EndMarks,
    FewestSentences,
    FewestWords,
    LineRule,
    LongestWord,
    PageRule,
    Paragraphs,
    Phrases,
    Rewrite,
    line_outcomes,
)
from c4pipe.corpus.sentences.counter import SentenceCounter
from c4pipe.corpus.sentences.punkt import PunktParameters
from c4pipe.corpus.variants import C4_RULES

SENTENCES = SentenceCounter(PunktParameters(frozenset(), frozenset(), frozenset(), {}), "nltk-3.8.1")
GOOD = "This is a line with enough words."
LOUD = "THIS LINE IS MUCH TOO LOUD."


@dataclass(frozen=True)
class LineTest(LineRule):
    """A kind of line rules that a contributor could add."""

    test: Callable[[str], bool] = bool

    def takes(self, line):
        return self.test(line)


@dataclass(frozen=True)
class PageTest(PageRule):
    """A kind of page rules that a contributor could add."""

    test: Callable[[Sequence[str]], bool] = bool

    def takes(self, lines, sentences):
        return self.test(lines)


def shouts(line: str) -> bool:
    return line.isupper()


def repeats_itself(lines: Sequence[str]) -> bool:
    return len(set(lines)) < len(lines)


ROWS = (
    LongestWord("long_word", characters=12),
    EndMarks("no_end", marks=("\u0964", "."), not_in=".."),
    FewestWords("few_words", words=3),
    Phrases("phrase", phrases=("the word", "\u03bf\u03b4\u03cc\u03c2")),
    LineTest("shouting", test=shouts),
    LongestWord("page_of_long_words", Drops.PAGE, characters=10),
    Phrases("page_phrase", Drops.PAGE, phrases=("goes",)),
    LineTest("page_test", Drops.PAGE, test=str.isdigit),
    EndMarks("no_end_but", marks=(".",), long_marks=(":", "!"), long_words=3, dashes=("-", "a")),
)


@pytest.mark.parametrize(
    ("row", "taken", "left"),
    [
        (ROWS[0], "x" * 13 + " is long.", "x" * 12 + " is not."),
        (ROWS[1], "No mark at its end", "\u092f\u0939 \u0964"),
        (ROWS[1], "It goes on..", "It ends."),
        (ROWS[2], "two words.", "three words here."),
        (ROWS[3], "Here is THE Word.", "Here is the other word."),
        (ROWS[3], "\u0397 \u039f\u0394\u038c\u03a3", "\u0397 \u03bf\u03b4\u03cc"),
        (ROWS[4], "LOUD", "Not LOUD"),
        (ROWS[8], "Too short:", "Long enough for:"),
        (ROWS[8], "It goes on...", "- It goes on..."),
        (ROWS[8], "- No mark", "- A mark."),
    ],
)
def test_each_kind_of_line_rule_applies_to_the_right_lines(row, taken, left):
    assert row.takes(taken) and not row.takes(left)
    assert row.untaken([left, taken, left], f"{left}\n{taken}\n{left}".lower()) == [left, left]


WORDS = ["words ", "the ", "word ", "goes ", "LOUD ", "x" * 11, "y" * 13, "7", " ", "\u039f\u0394\u038c\u03a3"]
pieces = st.sampled_from([*WORDS, ".", "..", "...", "-", ":", "\u0964", "\n", "\n", "[1]"])


@given(
    text=st.lists(pieces, max_size=40).map("".join),
    rules=st.permutations([*ROWS, Rewrite(r"\[\d*\]", sign="[")]),
)
@settings(max_examples=500, deadline=None)
def test_rows_in_any_order_take_the_same_lines_together_and_one_by_one(text, rules):
    cleaner = Cleaner(rules, SENTENCES)
    together, by_line = cleaner._lines_together(text), cleaner._line_by_line(text)
    assert (together is None) is bool(by_line.reason)
    assert together is None or together == by_line


def test_every_row_of_the_reference_takes_the_same_lines_together_and_one_by_one():
    lines = [
        GOOD,
        "lorem ipsum",
        "a { b.",
        "Javascript!",
        "...",
        "x" * 1001,
        "Our cookie policy.",
        "",
        "five words are in here.",
    ]
    for rule in C4_RULES:
        if isinstance(rule, LineRule):
            assert rule.untaken(lines, "\n".join(lines).lower()) == [line for line in lines if not rule.takes(line)]


def test_a_row_more_is_obeyed_counted_and_sampled_and_changes_no_other_rules():
    rules = (*C4_RULES[:3], LineTest("shouting", test=shouts), *C4_RULES[3:], PageTest("repeats", test=repeats_itself))
    text = "\n".join([GOOD, LOUD, "One more line of five words.", "And the last one of them."])
    ruling = Cleaner(rules, SENTENCES).clean(text)
    assert ruling.reason == "" and "LOUD" not in str(ruling.text)
    assert dict(zip(line_outcomes(rules), ruling.line_counts, strict=True))["shouting"] == 1
    assert [(line.line, line.name) for line in dropped_lines(text, rules)] == [
        ("THIS LINE IS MUCH TOO LOUD.", "shouting")
    ]
    assert Cleaner(rules, SENTENCES).clean("\n".join([GOOD] * 3)).reason == "repeats"
    assert "LOUD" in str(Cleaner(C4_RULES, SENTENCES).clean(text).text)


def test_parameters_are_the_row_s_own():
    text = "Two words.\nTwo more."
    rules = (
        EndMarks("no_endmark", marks=(".",)),
        FewestWords("too_short", words=2),
        FewestSentences("few", sentences=2),
    )
    assert Cleaner(rules, SENTENCES).clean(text).text == text
    assert Cleaner((*rules[:2], FewestSentences("few", sentences=3)), SENTENCES).clean(text).reason == "few"


def test_rules_travel():
    cleaner = Cleaner((*ROWS, Rewrite(r"\[\d*\]", sign="["), PageTest("repeats", test=repeats_itself)), SENTENCES)
    assert pickle.loads(pickle.dumps(cleaner)).clean(GOOD) == cleaner.clean(GOOD)


def test_paragraphs_are_lines_of_a_length():
    assert Paragraphs(lines=2, characters=5).are_in("12345\n1\n12345")
    assert not Paragraphs(lines=2, characters=5).are_in("12345\n1\n1234")
