"""The list of stages: its order, the stages of each variant, and the judging of pages in this order."""

import pytest

from c4pipe.corpus import chain
from c4pipe.corpus.judging import STAYS, Candidate, Ruling, Verdict, judge
from c4pipe.corpus.variants import VARIANTS


class Says:
    """A judge that has one ruling for each text, and else lets pages stay."""

    def __init__(self, **rulings: Ruling) -> None:
        self._rulings = rulings
        self.seen: list[str] = []

    def judge(self, candidates):
        self.seen += [candidate.text for candidate in candidates]
        return [self._rulings.get(candidate.text, STAYS) for candidate in candidates]


def test_the_order_of_the_stages_is_the_reference_s():
    assert list(chain.STAGES) == [
        "split-wet-file",
        "language-header-filter",
        "too-long-filter",
        "realnews-domain-filter",
        "earlier-crawl-filter",
        "duplicate-url-filter",
        "excluded-url-filter",
        "webtextlike-filter",
        "paragraph-filter",
        "clean-page",
        "dedupe-lines",
        "english-filter",
        "language-filter",
        "near-duplicate-filter",
        "badwords-filter",
    ]


@pytest.mark.parametrize(
    ("name", "optional"),
    [
        ("en", ["clean-page", "dedupe-lines", "english-filter", "badwords-filter"]),
        ("en.noblocklist", ["clean-page", "dedupe-lines", "english-filter"]),
        ("en.noclean", ["english-filter"]),
        (
            "realnewslike",
            ["realnews-domain-filter", "clean-page", "dedupe-lines", "english-filter", "badwords-filter"],
        ),
        ("webtextlike", ["webtextlike-filter", "clean-page", "dedupe-lines", "english-filter", "badwords-filter"]),
        ("multilingual", ["paragraph-filter", "dedupe-lines", "language-filter", "badwords-filter"]),
    ],
)
def test_a_variant_has_the_stages_that_its_data_say(name, optional):
    everywhere = [chain.PARSING, chain.LENGTH, chain.EARLIER_CRAWLS, chain.URL_COPIES, chain.EXCLUDED_URLS]
    present = [stage for stage in chain.STAGES.values() if stage.when(VARIANTS[name])]
    assert [stage.name for stage in present if stage not in everywhere] == optional
    assert all(stage in present for stage in everywhere)


def test_a_page_that_one_stage_drops_does_not_come_to_the_next():
    first, second = Says(bad=Ruling("why", counters=("/more",))), Says()
    verdicts = judge([("first", first), ("second", second)], [Candidate("u", "u", text) for text in ("good", "bad")])
    assert verdicts == [Verdict("good"), Verdict("bad", "first", "why", counters=("first/more",))]
    assert first.seen == ["good", "bad"] and second.seen == ["good"]


def test_a_stage_sees_the_text_and_the_language_as_the_one_before_left_them():
    first, second = Says(a=Ruling(text="b", language="en", line_counts=(1, 2))), Says(b=Ruling("why", text="c"))
    (verdict,) = judge([("first", first), ("second", second)], [Candidate("u", "u", "a")])
    assert second.seen == ["b"]
    # A dropped page is shown as it was before the stage that drops it.
    assert verdict == Verdict("b", "second", "why", language="en", line_counts=(1, 2))
