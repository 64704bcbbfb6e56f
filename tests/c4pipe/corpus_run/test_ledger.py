"""What becomes of pages is counted under the reference's names, sampled and measured, in one place."""

from dataclasses import replace

from c4pipe.corpus import chain
from c4pipe.corpus.judging import Candidate, Verdict
from c4pipe.corpus.variants import VARIANTS
from c4pipe.corpus_run.ledger import Ledger
from c4pipe.records import Dropped, Page, Quarantined
from c4pipe.report.summary import Size, Summary, Volume

PAGE = Page("http://a.example/1", "One line.\nTwo lines.", "2019")
SIZE = Size.of(PAGE.text)


def ledger(variant="en") -> tuple[Ledger, Summary]:
    summary = Summary()
    return Ledger(VARIANTS[variant], summary), summary


def test_records_are_counted_under_the_reference_s_names():
    book, summary = ledger()
    book.add_file()
    book.add_at_reading(PAGE, SIZE, Verdict(PAGE.text))
    for outcome in (
        Dropped("no_url"),
        Dropped("too_long", 9, 200_000),
        Quarantined("a.wet", 0, "invalid_utf8", "byte 7"),
    ):
        book.add_no_page(outcome)
    assert summary.totals == {"records": 4}
    assert summary.counters == {
        "split-wet-file/wet-file": 1,
        "split-wet-file/passed": 2,
        "split-wet-file/filtered:no_url": 1,
        "too-long-filter/passed": 1,
        "too-long-filter/filtered": 1,
        "quarantine/invalid_utf8": 1,
    }
    assert summary.volumes == {
        "split-wet-file": Volume(2, 11, 200_020),
        "split-wet-file/no_url": Volume(1, 0, 0),
        "too-long-filter": Volume(1, 2, 20),
        "too-long-filter/too_long": Volume(1, 9, 200_000),
    }


def test_cleaning_is_counted_by_line_and_by_page():
    book, summary = ledger()
    book.add_after_urls(PAGE.url, SIZE, Verdict("Two lines.", line_counts=(0, 2, 1, 0, 0, 3)))
    book.add_after_urls(PAGE.url, SIZE, Verdict(PAGE.text, "clean-page", "loremipsum", line_counts=(0, 1, 0, 0, 0, 0)))
    assert {name: count for name, count in summary.counters.items() if name.startswith("clean-page")} == {
        "clean-page/line-filtered:no_endmark": 3,
        "clean-page/line-filtered:too_short": 1,
        "clean-page/line-passed": 3,
        "clean-page/passed": 1,
        "clean-page/filtered:loremipsum": 1,
    }
    # Pages that pass are measured after the stage, dropped pages before it.
    assert summary.volumes["clean-page"] == Volume(1, 1, 10)
    assert summary.volumes["clean-page/loremipsum"] == Volume(1, 2, 20)
    assert summary.volumes["excluded-url-filter"] == Volume(2, 4, 40)
    assert [sample.text for sample in summary.samples["clean-page/filtered:loremipsum"]] == [PAGE.text]


def test_a_page_that_an_early_stage_drops_does_not_come_to_the_next():
    book, summary = ledger("webtextlike")
    book.add_after_urls(PAGE.url, SIZE, Verdict(PAGE.text, "webtextlike-filter", "filtered"))
    assert summary.counters == {
        "duplicate-url-filter/passed": 1,
        "excluded-url-filter/passed": 1,
        "webtextlike-filter/filtered": 1,
    }


def test_every_stage_counts_and_measures_each_page_once():
    """Pages that pass all stages of a variant, and one page dropped by each: what comes in is what goes on or goes."""
    for variant in VARIANTS.values():
        for stages in (chain.AFTER_URLS, chain.AFTER_LINES, chain.AFTER_NEAR_DUPLICATES):
            present = [stage for stage in stages if stage.when(variant)]
            for dropping in present:
                summary = Summary()
                book = Ledger(variant, summary)
                verdict = Verdict(PAGE.text, dropping.name, "why")
                if stages is chain.AFTER_URLS:
                    book.add_after_urls(PAGE.url, SIZE, verdict)
                elif stages is chain.AFTER_LINES:
                    book.add_after_lines(Candidate(PAGE.url, PAGE.url, PAGE.text), verdict)
                else:
                    book.add_to_the_end(PAGE.url, PAGE.text, verdict, "")
                before = [stage.name for stage in present[: present.index(dropping)]]
                assert all(summary.volumes[name].pages == 1 for name in before)
                assert summary.volumes[f"{dropping.name}/why"] == replace(Volume(), pages=1, lines=2, bytes=20)
                assert dropping.name not in summary.volumes


def test_the_sample_of_a_page_with_a_bad_word_says_which():
    book, summary = ledger()
    verdict = Verdict(PAGE.text, "badwords-filter", "badword", language="en", match="darn")
    book.add_to_the_end(PAGE.url, PAGE.text, verdict, "train")
    (samples,) = Summary.from_json(summary.to_json()).samples.values()
    assert [(sample.url, sample.match) for sample in samples] == [(PAGE.url, "darn")]


def test_near_duplicates_are_counted_if_a_run_drops_them():
    summary = Summary()
    book = Ledger(replace(VARIANTS["en"], near_duplicates=True), summary)
    book.add_near_duplicate(PAGE.url, PAGE.text)
    book.add_to_the_end(PAGE.url, PAGE.text, Verdict(PAGE.text, counters=("badwords-filter/passed",)), "train")
    assert summary.counters == {
        "near-duplicate-filter/filtered": 1,
        "near-duplicate-filter/passed": 1,
        "badwords-filter/passed": 1,
    }
    assert summary.volumes["near-duplicate-filter/near_page_stays"].pages == 1
    assert summary.volumes["near-duplicate-filter"] == summary.volumes["badwords-filter"]
