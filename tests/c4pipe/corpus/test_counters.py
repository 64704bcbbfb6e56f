from collections import Counter

from c4pipe.corpus import counters
from c4pipe.records import Dropped, Page, Quarantined


def test_records_are_counted_under_the_reference_s_names():
    counts: Counter[str] = Counter()
    outcomes = [
        Page("http://a.example", "Text.", "2019"),
        Dropped("no_url"),
        Dropped("too_long"),
        Quarantined("a.wet", 0, "invalid_utf8", "byte 7"),
    ]
    for outcome in outcomes:
        counters.count_record(counts, outcome)
    assert counts == {
        "split-wet-file/passed": 2,
        "split-wet-file/filtered:no_url": 1,
        "too-long-filter/passed": 1,
        "too-long-filter/filtered": 1,
        "quarantine/invalid_utf8": 1,
    }


def test_cleaning_is_counted_by_line_and_by_page():
    counts: Counter[str] = Counter()
    counters.count_cleaning(counts, "", (0, 2, 1, 0, 0, 3))
    counters.count_cleaning(counts, "loremipsum", (0, 1, 0, 0, 0, 0))
    assert counts == {
        "clean-page/line-filtered:no_endmark": 3,
        "clean-page/line-filtered:too_short": 1,
        "clean-page/line-passed": 3,
        "clean-page/passed": 1,
        "clean-page/filtered:loremipsum": 1,
    }
