"""The reference's WET reader, quirk by quirk (`--wet_parser=tfds`)."""

import gzip
import io
import tracemalloc
from collections import Counter

import pytest

from c4pipe.corpus.variants import COMPATS
from c4pipe.corpus.wet import line_parser, parsers
from c4pipe.corpus.wet.blocks import BrokenFile
from c4pipe.records import Dropped, Page, Quarantined

HEADER = (
    "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://a.example/\r\nWARC-Date: 2019-04-18T05:15:01Z\r\n"
)
TYPE_AND_LENGTH = "Content-Type: text/plain\r\nContent-Length: 12\r\n\r\n"


def read(content: str | bytes, name: str = "a.wet", compat: str = "tfds-3.1.0") -> list[parsers.Outcome]:
    data = content.encode() if isinstance(content, str) else content
    return list(parsers.read_records(io.BytesIO(data), "tfds", name, COMPATS[compat]))


def text_of(body: str) -> str:
    (outcome,) = read(HEADER + TYPE_AND_LENGTH + body)
    assert isinstance(outcome, Page), outcome
    return outcome.text


def test_a_record_becomes_a_page_with_the_fields_of_its_header():
    assert read(HEADER + TYPE_AND_LENGTH + "Some text.\r\n\r\n") == [
        Page("http://a.example/", "Some text.", "2019-04-18T05:15:01Z", "text/plain", "12", record=0)
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_universal_newlines_have_it(end):
    assert text_of(f"One.{end}Two.{end}") == "One.\nTwo."


@pytest.mark.parametrize("no_end", ["\v", "\f", "\x1c", "\x85", "\u2028"])
def test_other_line_separators_stay_in_the_line(no_end):
    assert text_of(f"One.{no_end}Two.") == f"One.{no_end}Two."


def test_each_line_is_stripped_of_unicode_white_space():
    assert text_of("\u3000\xa0One.\u2003\t\n\x1fTwo.\x85") == "One.\nTwo."


def test_a_byte_order_mark_is_not_white_space():
    assert text_of("\ufeffOne.") == "\ufeffOne."


def test_blank_lines_vanish():
    assert text_of("One.\n\n \t\n\xa0\nTwo.") == "One.\nTwo."


def test_a_line_that_says_warc_1_0_starts_a_page_inside_a_body():
    outcomes = read(HEADER + "\nBefore.\n  WARC/1.0\u2003\nWARC-Target-URI: http://b.example/\nWARC-Date: 2019\nAfter.")
    assert [(outcome.url, outcome.text, outcome.record) for outcome in outcomes if isinstance(outcome, Page)] == [
        ("http://a.example/", "Before.", 0),
        ("http://b.example/", "After.", 1),
    ]


@pytest.mark.parametrize("line", ["WARC/1.1", "WARC/1.01", "x WARC/1.0", "WARC/1.0 x", "\ufeffWARC/1.0"])
def test_other_lines_start_no_page(line):
    assert len(read(f"{HEADER}\nBefore.\n{line}\nAfter.")) == 1


def test_a_field_in_the_body_counts_and_the_last_one_wins():
    body = "Text.\nWARC-Target-URI: http://late.example/\n WARC-Date:2020\nContent-Type: text/html\nContent-Length: 7\n"
    assert read(HEADER + TYPE_AND_LENGTH + body) == [
        Page("http://late.example/", "Text.", "2020", "text/html", "7", record=0)
    ]


def test_an_empty_field_in_the_body_takes_the_url_away():
    assert read(HEADER + "\nText.\nWARC-Target-URI:\n") == [Dropped("no_url")]


@pytest.mark.parametrize("line", ["WARCraft is a game.", "CONTENT-free talk.", "Content-Security-Policy: none."])
def test_any_line_that_looks_like_metadata_is_left_out_of_the_text(line):
    assert text_of(f"One.\n{line}\nTwo.") == "One.\nTwo."


@pytest.mark.parametrize("line", ["Warcraft is a game.", "Contents of the book.", "CONTENTS", "content-type: x"])
def test_lines_that_nearly_look_like_metadata_stay(line):
    assert text_of(f"One.\n{line}") == f"One.\n{line}"


def test_reasons_are_tested_in_the_order_url_text_timestamp():
    assert read("WARC/1.0\n") == [Dropped("no_url")]
    assert read("WARC/1.0\nWARC-Target-URI: http://a.example/\n") == [Dropped("no_content")]
    assert read("WARC/1.0\nWARC-Target-URI: http://a.example/\nText.") == [Dropped("no_timestamp")]


def test_tfds_3_0_1_takes_a_page_without_a_timestamp():
    (page,) = read("WARC/1.0\nWARC-Target-URI: http://a.example/\nText.", compat="tfds-3.0.1")
    assert isinstance(page, Page) and page.timestamp == ""


def test_text_before_the_first_delimiter_is_a_record_too():
    assert read("\n" + HEADER + "\nText.")[0] == Dropped("no_url")
    assert len(read(HEADER + "\nText.")) == 1


def test_a_page_of_190_000_characters_passes_and_one_more_does_not():
    lines = ["x" * 99_999, "y" * 90_000]
    assert len(text_of("\n".join(lines))) == 190_000
    assert read(HEADER + "\n" + "\n".join([*lines, "z"])) == [Dropped("too_long", 3, 190_002)]


def test_length_is_counted_in_characters_of_the_stripped_text():
    assert len(text_of(" é \n\n" * 95_000)) == 189_999


def test_a_bad_byte_quarantines_its_record_and_no_other():
    good = (HEADER + "\nText.\n").encode()
    outcomes = read(good + (HEADER + "\nBad \xff byte.\n").encode("latin-1") + good)
    assert [type(outcome) for outcome in outcomes] == [Page, Quarantined, Page]
    assert outcomes[1].reason == "invalid_utf8" and outcomes[1].offset == len(good) and outcomes[1].file == "a.wet"
    assert outcomes[2].record == 2


def test_utf_8_that_spells_a_surrogate_is_bad():
    assert read(HEADER.encode() + b"\nText \xed\xa0\x80.")[0].reason == "invalid_utf8"


def gzipped_by_record(num_pages: int) -> list[bytes]:
    return [gzip.compress(f"{HEADER}\nPage number {n}.\n\n".encode(), mtime=0) for n in range(num_pages)]


@pytest.mark.parametrize("together", [False, True], ids=["one member a record", "one member"])
def test_gzip_reads_as_plain_text_does(together):
    plain = "".join(f"{HEADER}\nPage number {n}.\n\n" for n in range(50))
    packed = gzip.compress(plain.encode(), mtime=0) if together else b"".join(gzipped_by_record(50))
    assert read(packed, "a.gz") == read(plain)
    assert read(packed, "a.wet") == read(plain), "the first bytes tell, too"


def test_zero_bytes_after_gzip_members_are_padding():
    one, two = gzipped_by_record(2)
    assert len(read(one + b"\0" * 100_000 + two + b"\0" * 70_000, "a.gz")) == 2


@pytest.mark.parametrize("left", [1, 11, 60, -1])
def test_a_truncated_member_costs_its_record_and_is_one_quarantine(left):
    one, two, three = gzipped_by_record(3)
    outcomes = read(one + two + three[:left], "a.gz")
    assert [type(outcome) for outcome in outcomes] == [Page, Page, Quarantined]
    assert outcomes[-1].reason == "corrupt_gzip"
    assert outcomes[-1].offset == 2 * len(gzip.decompress(one))


def test_a_corrupt_member_ends_the_file():
    one, two, three = gzipped_by_record(3)
    broken = bytearray(two)
    broken[-5] ^= 1  # the checksum
    outcomes = read(one + bytes(broken) + three, "a.gz")
    assert [type(outcome) for outcome in outcomes] == [Page, Quarantined]
    assert "checksum" in outcomes[-1].detail


def test_pages_before_the_break_of_the_only_member_count():
    plain = "".join(f"{HEADER}\nPage number {n}.\n" + f"filler text {n}\n" * 500 for n in range(50)).encode()
    packed = gzip.compress(plain, mtime=0)
    outcomes = read(packed[: len(packed) // 2], "a.gz")
    pages = [outcome for outcome in outcomes if isinstance(outcome, Page)]
    assert len(pages) >= 15 and pages == read(plain)[: len(pages)]
    assert [outcome.reason for outcome in outcomes[len(pages) :]] == ["corrupt_gzip"]


def test_a_file_named_gz_that_is_not_gzip_is_one_quarantine():
    (outcome,) = read(HEADER + "\nText.", "a.gz")
    assert isinstance(outcome, Quarantined) and outcome.reason == "corrupt_gzip" and outcome.offset == 0


@pytest.mark.parametrize("content", [b"", gzip.compress(b"", mtime=0)], ids=["no bytes", "an empty member"])
def test_an_empty_file_has_no_records(content):
    assert read(content, "a.gz") == []


def test_a_path_may_be_given(tmp_path):
    path = tmp_path / "b.wet"
    path.write_text(HEADER + "\nBad \udcff byte.", errors="surrogateescape")
    (outcome,) = parsers.read_records(path)
    assert outcome.file == "b.wet"


def test_an_unknown_parser_is_an_error_of_the_user():
    with pytest.raises(parsers.UserError, match="no WET parser 'cc'; use one of tfds, warc"):
        next(parsers.read_records("a.wet", "cc"))


BODIES = {
    "many lines": ["Line of text.\n"] * 40,
    "blank lines": ["\n \n"] * 400 + ["End.\n"],
    "one line": ["word " * 60 + "\n"],
    "white space behind": ["Word." + " " * 900 + "\n", "End.\r\n"],
    "metadata late": ["Text.\n"] * 40 + ["WARC-Date: 2020\n", "Content-Type: a/b"],
    "carriage returns": ["One.\r\n", "Two.\r"] * 60,
    "bad byte": ["Text.\n"] * 40 + ["\udcff\n"],
    "half a character": ["Text.\n"] * 40 + ["\udcc3"],
}


@pytest.mark.parametrize("body", BODIES, ids=str)
def test_a_record_too_large_to_keep_gives_the_same_page(body, monkeypatch):
    content = (HEADER + "\n" + "".join(BODIES[body]) + HEADER + "\nThe next.").encode("utf-8", "surrogateescape")
    expected = read(content)
    monkeypatch.setattr(line_parser, "_HOLD_BYTES", 64)
    for size in (1, 7, 100, 10_000):
        blocks = iter([content[start : start + size] for start in range(0, len(content), size)])
        found = list(line_parser.read_by_lines(blocks, "a.wet", True, Counter()))
        assert [o if isinstance(o, Page) else o.reason for o in found] == [
            o if isinstance(o, Page) else o.reason for o in expected
        ]


def stream(head: bytes, block: bytes, times: int, tail: bytes):
    yield head
    for _ in range(times):
        yield block
    yield tail


@pytest.mark.parametrize(
    ("block", "size"),
    [
        (b"a line of text\n" * 100 + b"x" * 100_000, (100_002, 101_500_005)),
        (b"x" * 500_000, (2, 500_000_005)),
        (b" " * 500_000, None),
    ],
)
def test_a_huge_record_or_line_is_read_in_constant_memory_and_measured(block, size):
    blocks = stream(HEADER.encode() + b"\n", block, 1000, b"\nEnd.\n" + HEADER.encode() + b"\nThe next page.")
    tracemalloc.start()
    try:
        first, second = line_parser.read_by_lines(blocks, "a.wet", True, Counter())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert first == (
        Dropped("too_long", *size) if size else Page("http://a.example/", "End.", first.timestamp, record=0)
    )
    assert second.text == "The next page."
    assert peak < 64 << 20


def test_a_gzip_bomb_is_read_in_constant_memory():
    bomb = io.BytesIO()
    with gzip.open(bomb, "wb", 9) as target:
        target.write(HEADER.encode() + b"\n")
        for _ in range(300):
            target.write(b"\0" * 1_000_000)
    tracemalloc.start()
    try:
        assert read(bomb.getvalue(), "a.gz") == [Dropped("too_long", 1, 300_000_000)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20


def test_a_url_too_long_to_keep_is_quarantined(monkeypatch):
    monkeypatch.setattr(line_parser, "_HOLD_BYTES", 1 << 10)
    blocks = iter(
        [b"WARC/1.0\nWARC-Target-URI: http://a.example/", b"a" * (3 << 20), b"a", b"\nWARC-Date: 2019\nText."]
    )
    (outcome,) = line_parser.read_by_lines(blocks, "a.wet", True, Counter())
    assert isinstance(outcome, Quarantined) and outcome.reason == "bad_header"


def test_a_break_in_the_middle_of_a_kept_record_is_one_quarantine(monkeypatch):
    monkeypatch.setattr(line_parser, "_HOLD_BYTES", 64)

    def blocks():
        yield HEADER.encode() + b"\n" + b"Text.\n" * 100
        raise BrokenFile("corrupt_gzip", "broken", 0)

    (outcome,) = line_parser.read_by_lines(blocks(), "a.wet", True, Counter())
    assert outcome == Quarantined("a.wet", 0, "corrupt_gzip", "broken")
