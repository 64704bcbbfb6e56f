"""Pages, and records that are too large to keep."""

import random

import pytest

from c4pipe.corpus.rules import MAX_PAGE_LENGTH
from c4pipe.corpus.wet import page as module
from c4pipe.corpus.wet.page import DATE_FIELD, URL_FIELD, LongRecord, make_page, stripped_lines
from c4pipe.records import Dropped
from c4pipe.report.summary import Size

FIELDS = {URL_FIELD: "http://a.example/", DATE_FIELD: "2019-04-18T00:00:00Z"}


def test_a_page_that_is_too_long_is_measured():
    text = "é" * MAX_PAGE_LENGTH + "\nb"
    assert make_page(FIELDS, text, 0, True) == Dropped("too_long", 2, 2 * MAX_PAGE_LENGTH + 2)


@pytest.mark.parametrize("seed", range(40))
def test_a_record_too_large_to_keep_is_measured_like_a_small_one(seed, monkeypatch):
    monkeypatch.setattr(module, "_HOLD_CHARACTERS", 30)
    monkeypatch.setattr(module, "MAX_PAGE_LENGTH", 20)
    draw = random.Random(seed)
    parts = draw.choices(["word", "é", "字", " ", "   ", "\u3000", "\n", "\r\n", "\t", "x" * 50, " " * 50], k=60)
    text = "".join(parts) + "\nThe end of it is here."
    data = text.encode()
    long_record = LongRecord(FIELDS, reads_metadata=False)
    while data:
        size = draw.randrange(1, 60)
        long_record.feed(data[:size])
        data = data[size:]
    expected = Size.of("\n".join(stripped_lines(text)))
    assert long_record.outcome("a.wet", 0, 0, True) == Dropped("too_long", *expected)


def test_other_reasons_come_before_the_length():
    long_record = LongRecord({}, reads_metadata=False)
    long_record.feed(b"x" * (MAX_PAGE_LENGTH + 1))
    assert long_record.outcome("a.wet", 0, 0, True) == Dropped("no_url")
