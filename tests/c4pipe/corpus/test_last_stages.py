"""What happens to a page after it is known which lines it keeps."""

from dataclasses import dataclass

import pytest

from c4pipe.corpus import chain
from c4pipe.corpus.assets import Assets
from c4pipe.corpus.judging import Candidate, Verdict, judge
from c4pipe.corpus.language.identifier import UNKNOWN, Identified
from c4pipe.corpus.line_copies import LINE_OUTCOMES, remove_lines
from c4pipe.corpus.sentences.punkt import PunktParameters
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.variants import COMPATS, VARIANTS
from c4pipe.corpus_run.ledger import Ledger
from c4pipe.report.summary import Summary

URL = "http://www.example.com/357"
HELD_OUT = "http://www.example.com/356/"
TEXT = "One is here.\nTwo is there.\nThree is gone."
PUNKT = PunktParameters(frozenset(), frozenset(), frozenset(), {})
ENGLISH = Identified("en", 0.999)
BADWORDS = {"en": frozenset({"darn"}), "de": frozenset({"mist"})}


class Says:
    """An identifier that has one answer."""

    def __init__(self, answer: Identified | None) -> None:
        self._answer = answer

    def identify(self, texts):
        return [self._answer] * len(texts)


@dataclass(frozen=True)
class Outcome:
    """What becomes of a page: its verdict, and the split that it would be in."""

    verdict: Verdict
    split: str

    def __getattr__(self, name):
        return getattr(self.verdict, name)


def finish(variant, text, lost=(), answer=ENGLISH, compat="tfds-3.1.0", url=URL, languages=None):
    chosen, version = VARIANTS[variant], COMPATS[compat]
    found = Assets(PUNKT, BADWORDS if chosen.needs_badwords else None)
    criteria = chain.Criteria(chosen, version, languages or chosen.languages, lambda: Says(answer), found)
    candidate = Candidate(url, normalized_url(url), text, lost)
    (verdict,) = judge(chain.judges_of(chain.AFTER_LINES, criteria), [candidate])
    split = chain.split_of_page(chosen, candidate.normalized_url, verdict.language)
    summary = Summary()
    ledger = Ledger(chosen, summary)
    ledger.add_after_lines(candidate, verdict)
    if not verdict.stage:
        judged = Candidate(url, normalized_url(url), verdict.text, (), verdict.language)
        (last,) = judge(chain.judges_of(chain.AFTER_NEAR_DUPLICATES, criteria), [judged])
        ledger.add_to_the_end(url, verdict.text, last, split)
        verdict = last._replace(language=verdict.language, line_counts=verdict.line_counts)
    return Outcome(verdict, split), dict(summary.counters)


def removed(text: str, lost=()) -> tuple[str, dict]:
    remaining = remove_lines(text, lost)
    counts = dict(zip(LINE_OUTCOMES, remaining.counts, strict=True))
    return remaining.text, {outcome: count for outcome, count in counts.items() if count}


def test_lines_that_another_page_keeps_are_removed():
    assert removed("a\nb\nc", [1]) == (
        "a\nc",
        {"global_duplicate": 1, "passed": 2},
    )


def test_within_a_page_the_first_copy_stays():
    assert removed("A \nb\n a\nB") == (
        "A \nb",
        {"local_duplicate": 2, "passed": 2},
    )


def test_later_copies_of_a_line_that_another_page_keeps_are_global_duplicates_too():
    assert removed("a\nb\nA", [0]) == (
        "b",
        {"global_duplicate": 2, "passed": 1},
    )


def test_a_page_that_passes_everything_keeps_its_text():
    outcome, counts = finish("en", TEXT)
    assert (outcome.text, outcome.language, outcome.split, outcome.stage) == (TEXT, "en", "train", "")
    assert counts == {
        "dedupe-lines/line-passed": 3,
        "dedupe-lines/passed": 1,
        "english-filter/passed": 1,
        "badwords-filter/passed": 1,
        "badwords-filter-en/passed": 1,
    }


def test_a_page_that_loses_all_lines_is_empty():
    outcome, counts = finish("en", TEXT, [0, 1, 2])
    assert (outcome.stage, outcome.reason) == ("dedupe-lines", "empty")
    assert counts == {"dedupe-lines/line-filtered:global_duplicate": 3, "dedupe-lines/filtered:empty": 1}


def test_sentences_are_counted_again_over_the_whole_page():
    assert finish("en", TEXT, [0])[0].reason == "too_few_sentences"
    # Three lines passed line by line; joined, a line without a sentence's end runs into the next.
    assert finish("en", 'One is here "\nTwo is there "\nThree is gone.')[0].reason == "too_few_sentences"


def test_sentences_are_not_counted_again_if_cleaning_is_off():
    outcome, _ = finish("multilingual", "eine\nzeile", [0], Identified("de", 0.99))
    assert (outcome.text, outcome.language, outcome.split, outcome.reason) == ("zeile", "de", "de", "")


def test_without_line_deduplication_nothing_is_removed():
    outcome, counts = finish("en.noclean", "a\na")
    assert outcome.text == "a\na" and not any("dedupe" in name for name in counts)


@pytest.mark.parametrize(
    ("answer", "reason", "more"),
    [
        (Identified("en", 0.98999), "low_confidence", {}),
        (Identified("de", 0.5), "low_confidence", {}),
        (Identified("de", 0.99), "ignored_language", {"english-filter/filtered:ignored_language-de": 1}),
        (Identified(UNKNOWN, 0.0), "no_predictions", {}),
        (None, "langdetect_exception", {}),
    ],
)
def test_a_page_must_be_english_with_a_probability_of_99_percent(answer, reason, more):
    outcome, counts = finish("en.noblocklist", TEXT, answer=answer)
    assert (outcome.stage, outcome.reason, outcome.text) == ("english-filter", reason, TEXT)
    found = {name: number for name, number in counts.items() if name.startswith("english")}
    assert found == {f"english-filter/filtered:{reason}": 1, **more}


def test_99_percent_is_enough():
    assert finish("en.noblocklist", TEXT, answer=Identified("en", 0.99))[0].reason == ""


def test_a_page_with_a_bad_word_goes():
    outcome, counts = finish("en", TEXT + " Darn!")
    assert (outcome.stage, outcome.language) == ("badwords-filter", "en")
    assert counts["badwords-filter/filtered"] == counts["badwords-filter-en/filtered"] == 1
    assert finish("en.noblocklist", TEXT + " Darn!")[0].reason == ""


def test_the_split_follows_from_the_normalized_url():
    assert finish("en", TEXT, url=HELD_OUT)[0].split == "validation"
    assert finish("multilingual", TEXT, url=HELD_OUT)[0].split == "en-validation"


@pytest.mark.parametrize(
    ("answer", "counter"),
    [(None, "no_predictions"), (Identified("de", 0.9499), "low_confidence")],
)
def test_what_cld3_is_not_sure_of_is_und_and_stays(answer, counter):
    outcome, counts = finish("multilingual", TEXT, answer=answer)
    assert (outcome.text, outcome.language, outcome.split, outcome.reason) == (TEXT, "und", "und", "")
    assert counts[f"language-filter/filtered:{counter}"] == 1
    assert counts["language-filter/passed"] == counts["language-filter/passed:und"] == 1


def test_mt5_s_first_release_was_content_with_70_percent():
    answer = Identified("de", 0.7)
    assert finish("multilingual", TEXT, answer=answer, compat="tfds-3.0.1")[0].split == "de"
    assert finish("multilingual", TEXT, answer=answer)[0].split == "und"


def test_a_language_that_mc4_has_not_is_dropped():
    outcome, counts = finish("multilingual", TEXT, answer=Identified("bs", 0.99))
    assert (outcome.stage, outcome.reason) == ("language-filter", "ignored_language")
    assert counts["language-filter/filtered:ignored_language"] == 1


def test_languages_narrow_the_variant():
    assert finish("multilingual", TEXT, languages=["fr"])[0].reason == "ignored_language"
    assert finish("multilingual", TEXT, languages=["fr", "en"])[0].split == "en"


def test_another_identifier_s_codes_become_mc4_s():
    assert finish("multilingual", TEXT, answer=Identified("he", 0.99))[0].split == "iw"
    assert finish("multilingual", TEXT, answer=Identified("zh-cn", 0.99))[0].split == "zh"


def test_a_language_without_a_list_counts_for_all_only():
    counts = finish("multilingual", TEXT + " darn mist", answer=Identified("it", 0.99))[1]
    assert {name for name in counts if name.startswith("badwords")} == {"badwords-filter/passed"}


def test_a_batch_keeps_its_order():
    criteria = chain.Criteria(VARIANTS["en"], COMPATS["tfds-3.1.0"], ["en"], lambda: Says(ENGLISH), Assets(PUNKT))
    judges = chain.judges_of(chain.AFTER_LINES, criteria)
    texts = [TEXT, "Few.", TEXT + " More of it."]
    verdicts = judge(judges, [Candidate(URL, normalized_url(URL), text) for text in texts])
    assert [verdict.text for verdict in verdicts] == texts
    assert [verdict.reason for verdict in verdicts] == ["", "too_few_sentences", ""]
    assert judge(judges, []) == []
