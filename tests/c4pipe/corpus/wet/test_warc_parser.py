"""The WARC parser (`--wet_parser=warc`): lengths are used, and a wrong length affects only one record."""

import gzip
import io
import tracemalloc
from collections import Counter

import pytest

from c4pipe.corpus.variants import COMPATS
from c4pipe.corpus.wet import parsers, warc_parser
from c4pipe.corpus.wet.blocks import BrokenFile
from c4pipe.records import Page


def record(
    body: str | bytes,
    length: object = None,
    *,
    kind="conversion",
    url="http://a.example/",
    version="WARC/1.0",
    end="\r\n",
) -> bytes:
    content = body.encode() if isinstance(body, str) else body
    lines = [
        version,
        f"WARC-Type: {kind}",
        f"WARC-Target-URI: {url}" if url else "WARC-Filename: x",
        "WARC-Date: 2019-04-18T05:15:01Z",
    ]
    lines += ["Content-Type: text/plain", f"Content-Length: {len(content) if length is None else length}", "", ""]
    return end.join(lines).encode() + content + 2 * end.encode()


def read(*records: bytes, name: str = "a.wet") -> list[parsers.Outcome]:
    return list(parsers.read_records(io.BytesIO(b"".join(records)), "warc", name, COMPATS["tfds-3.1.0"]))


def reasons(outcomes: list[parsers.Outcome]) -> list[str]:
    return ["page" if isinstance(outcome, Page) else outcome.reason for outcome in outcomes]


def test_a_record_becomes_a_page():
    text = "One.\r\n\r\n Two. \n"
    assert read(record(text)) == [
        Page("http://a.example/", "One.\nTwo.", "2019-04-18T05:15:01Z", "text/plain", str(len(text)), record=0)
    ]


@pytest.mark.parametrize("version", ["WARC/1.0", "WARC/1.1", "WARC/0.17", "WARC/0.18"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_four_versions_and_both_line_ends_are_read(version, end):
    assert reasons(read(*[record("Text.", version=version, end=end)] * 3)) == ["page"] * 3


def test_another_version_is_named():
    (outcome,) = read(*[record("Text.", version="WARC/2.0")] * 3)
    assert (outcome.reason, outcome.detail) == ("bad_header", "WARC/2.0 is not read; 0.17, 0.18, 1.0 and 1.1 are")


# What warcio 1.8 gives for each.
@pytest.mark.parametrize(
    ("field", "url"),
    [
        ("WARC-Target-URI: http://a.example/a\r\n /long/path", "http://a.example/a%20/long/path"),
        ("WARC-Target-URI: http://a.example/a\r\n\t/long/path", "http://a.example/a\t/long/path"),
        ("WARC-Target-URI: http://a.example/a  \r\n   /b   ", "http://a.example/a%20%20%20/b"),
        ("WARC-Target-URI: http://a.example/a\r\n  /b\r\n /c", "http://a.example/a%20%20/b%20/c"),
        ("WARC-Target-URI: <http://a.example/a>", "http://a.example/a"),
        ("WARC-Target-URI: <http://a.example/a", "<http://a.example/a"),
        ("WARC-Target-URI: http://a.example/a b", "http://a.example/a%20b"),
    ],
    ids=["blank", "tab", "blanks", "two folds", "brackets", "half a bracket", "a blank inside"],
)
def test_a_url_is_read_as_warcio_reads_it(field, url):
    data = record("Text.").replace(b"WARC-Target-URI: http://a.example/", field.encode())
    (page,) = read(data)
    assert (page.url, page.text) == (url, "Text.")


def test_other_fields_may_be_folded_too():
    data = record("Text.").replace(b"Content-Length: 5", b"Content-Length:\r\n 5")
    data = data.replace(b"WARC-Type: conversion", b"WARC-Type:\r\n\tconversion")
    assert reasons(read(data, record("x"))) == ["page", "page"]


def test_metadata_in_the_body_is_text():
    body = "WARC/1.0\nWARC-Target-URI: http://b.example/\nContent-Length: 3\nContents."
    (page,) = read(record(body))
    assert (page.url, page.text) == ("http://a.example/", body)


def test_field_names_have_no_case():
    data = record("Text.").replace(b"WARC-Target-URI", b"warc-target-uri").replace(b"Content-Length", b"CONTENT-LENGTH")
    assert reasons(read(data)) == ["page"]


def test_only_conversion_records_become_pages():
    kinds = [record("x", kind="warcinfo", url=""), record("x", kind="response"), record("x", kind="metadata")]
    assert reasons(read(*kinds, record("x"))) == ["no_url", "not_conversion", "not_conversion", "page"]


def test_the_reasons_are_the_reference_s():
    no_date = record("Text.").replace(b"WARC-Date", b"WARC-Data")
    assert reasons(read(record("Text.", url=""), record(" \n"), no_date)) == ["no_url", "no_content", "no_timestamp"]


@pytest.mark.parametrize("length", [3, 9, 500, 10_000, 10**14, -1, "many", "", "٣"])
def test_a_wrong_length_loses_only_its_record(length):
    outcomes = read(record("First."), record("A text of some length.", length), record("Third."))
    assert reasons(outcomes) == ["page", "bad_length", "page"]
    assert outcomes[1].offset == len(record("First."))
    assert outcomes[2].record == 2


def test_a_length_may_include_the_blank_lines_after_the_text():
    assert reasons(read(record("Text.", 7), record("Text.", 9))) == ["page", "page"]


def test_a_missing_length_costs_its_record():
    data = record("Text.").replace(b"Content-Length", b"Contents-Length")
    assert reasons(read(data, record("x"))) == ["bad_length", "page"]


def test_bytes_that_are_not_a_record_are_quarantined_and_skipped():
    outcomes = read(b"<html>WARC/1.0</html>\n", record("Text."), b"junk\n", record("Text."))
    assert reasons(outcomes) == ["bad_header", "bad_length", "page"]


def test_a_header_without_an_end_is_quarantined(monkeypatch):
    monkeypatch.setattr(warc_parser, "_MAX_HEADER_BYTES", 1 << 12)
    outcomes = read(b"WARC/1.0\r\n" + b"X-Field: x\r\n" * 1000, record("Text."))
    assert reasons(outcomes) == ["bad_header", "page"]


@pytest.mark.parametrize(
    "bad", [record(b"Bad \xff byte."), record("Text.").replace(b"a.example", b"\xff.example")], ids=["body", "header"]
)
def test_a_bad_byte_quarantines_its_record(bad):
    assert reasons(read(record("x"), bad, record("x"))) == ["page", "invalid_utf8", "page"]


def test_records_of_other_types_may_have_any_bytes():
    assert reasons(read(record(b"\xff\xfe", kind="response"), record("x"))) == ["not_conversion", "page"]


def test_gzip_is_read_a_member_a_record_or_all_in_one():
    records = [record(f"Page {n}.") for n in range(20)]
    assert read(gzip.compress(b"".join(records)), name="a.gz") == read(*records)
    assert read(b"".join(map(gzip.compress, records)), name="a.gz") == read(*records)


@pytest.mark.parametrize("left", [1, 12, 100, -9, -1])
def test_a_truncated_member_is_one_quarantine(left):
    one, two = gzip.compress(record("Page.")), gzip.compress(record("Page. " * 50))
    outcomes = read(one + two[:left], name="a.gz")
    assert reasons(outcomes)[-1] == "corrupt_gzip" and reasons(outcomes)[0] == "page"
    assert len(outcomes) <= 3, "a body that was read whole before the break may still count"


def test_a_plain_file_that_ends_inside_a_record_loses_that_record():
    assert reasons(read(record("Page."), record("Text. " * 20)[:-30])) == ["page", "bad_length"]


@pytest.mark.parametrize("cut", [0, 20, 60, 200])
def test_a_break_in_a_plain_stream_is_one_quarantine(cut):
    def blocks():
        yield record("Page.") + record("Text.")[:cut]
        raise BrokenFile("corrupt_gzip", "broken", len(record("Page.")))

    outcomes = list(warc_parser.read_by_length(blocks(), "a.gz", True, Counter()))
    assert reasons(outcomes)[-1] == "corrupt_gzip"


def long_read(data: bytes, monkeypatch, size: int) -> list[parsers.Outcome]:
    monkeypatch.setattr(warc_parser, "_HOLD_BYTES", 512)
    blocks = iter([data[start : start + size] for start in range(0, len(data), size)])
    return list(warc_parser.read_by_length(blocks, "a.wet", True, Counter()))


@pytest.mark.parametrize("size", [11, 300, 100_000])
def test_a_record_too_large_to_keep_gives_the_same_page(size, monkeypatch):
    data = record("A line of text.\n" * 100) + record("Blank.\n" + "\n" * 2000) + record("x" * 190_001) + record("End.")
    assert long_read(data, monkeypatch, size) == read(data)


@pytest.mark.parametrize("size", [300, 100_000])
@pytest.mark.parametrize("length", [10**9, 900, 2000])
def test_a_long_wrong_length_loses_only_its_record(size, length, monkeypatch):
    data = record("First.") + record("A line of text.\n" * 100, length) + record("Third.")
    assert reasons(long_read(data, monkeypatch, size)) == ["page", "bad_length", "page"]


def test_a_record_of_half_a_gigabyte_is_read_in_constant_memory():
    def blocks():
        block = b"words of a line " * 6250 + b"\n"
        yield record("First.") + record(b"", 5000 * len(block))[:-4]
        for _ in range(5000):
            yield block
        yield b"\r\n\r\n" + record("Third.")

    tracemalloc.start()
    try:
        outcomes = list(warc_parser.read_by_length(blocks(), "a.wet", True, Counter()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reasons(outcomes) == ["page", "too_long", "page"]
    assert peak < 96 << 20
