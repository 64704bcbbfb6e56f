"""The page of a corpus, from a report.json."""

import subprocess
import sys
from pathlib import Path

import pytest

from c4pipe.report import corpus_page, corpus_report
from c4pipe.report.corpus_page import FEWEST_RECORDS_OF_CHARTS
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


def test_lengths_and_domains_of_each_language_are_shown():
    summary = Summary()
    summary.add_written("a.example", 100, "de")
    assert "Lengths and domains of each language" in page_of(summary) and "<td>a.example (1)</td>" in page_of(summary)
    assert "Lengths and domains of each language" not in page_of(Summary())


def test_settings_are_words():
    assert "[&#39;en&#39;]" not in page_of(Summary()) and "<td>languages</td><td>en</td>" in page_of(Summary())


DRAW = """
import sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from test_corpus_page import page_of
from c4pipe.report.summary import Size, Summary
summary = Summary()
summary.totals["records"] = {num_records}
summary.volume("split-wet-file").add(*Size(9, 99), pages={num_records})
summary.volume("split:train").add(*Size(9, 99), pages={num_records})
summary.lengths[100] = {num_records}
page = page_of(summary)
print("matplotlib" in sys.modules, page.count("<svg"), "Charts are drawn if" in page)
"""


@pytest.mark.parametrize(("num_records", "drawn"), [(FEWEST_RECORDS_OF_CHARTS - 1, 0), (FEWEST_RECORDS_OF_CHARTS, 1)])
def test_charts_are_drawn_of_many_records_only(num_records, drawn):
    """Of few, the page does without the library that draws, which takes longer to start than such a run."""
    code = DRAW.format(folder=str(Path(__file__).parent), num_records=num_records)
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.split() == [str(drawn > 0), str(drawn), str(drawn == 0)]
