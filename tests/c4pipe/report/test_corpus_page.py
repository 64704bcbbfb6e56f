"""The page of a corpus, from a report.json."""

from c4pipe.report import corpus_page, corpus_report
from c4pipe.report.summary import Size, Summary

TIMING = {"seconds": 2.0, "started": "2026-11-28T00:00:00Z", "workers": 1, "pages_per_second": 2.0, "stages": []}


def page_of(summary: Summary) -> str:
    report = corpus_report.build(summary, {"train": 1}, 0.01, finished=True, wet_parser="tfds")
    settings = {"languages": ["en"], "num_shards": 1}
    rest = {"variant": "en", "compat": "tfds-3.1.0", "settings": settings, "assets": {}, "timing": TIMING}
    return corpus_page.corpus_page({**report, **rest, "machine": {}})


def test_pages_without_a_host_have_a_name():
    summary = Summary()
    summary.domains.update({"": 3, "a.example": 2})
    page = page_of(summary)
    assert "<td>(no host)</td>" in page and "<td>a.example</td>" in page and "<td></td>" not in page


def test_the_word_that_a_page_was_dropped_for_is_shown():
    summary = Summary()
    summary.sample("badwords-filter/filtered:badword", "http://a.example/", "The text.", "dang")
    assert "http://a.example/ (for: dang)" in page_of(summary)


def test_pages_that_are_too_long_are_shown_with_their_lines_and_bytes():
    summary = Summary()
    summary.totals["records"] = 1
    summary.volume("split-wet-file").add(*Size(4321, 200_001))
    summary.volume("too-long-filter/too_long").add(*Size(4321, 200_001))
    summary.counters.update({"split-wet-file/passed": 1, "too-long-filter/filtered": 1})
    page = page_of(summary).split("Why pages were dropped</h2>")[1]
    assert '<td>too_long</td><td class="number">1</td><td class="number">4,321</td>' in page
    assert '<td class="number">200,001</td>' in page


def test_settings_are_words():
    assert "[&#39;en&#39;]" not in page_of(Summary()) and "<td>languages</td><td>en</td>" in page_of(Summary())
