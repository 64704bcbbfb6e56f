"""Files that are not WET files are recognised by their records."""

import gzip
import io
from collections import Counter

import pytest

from c4pipe.corpus.wet import kinds, parsers


def record(kind: str, version: str = "WARC/1.0", body: str = "Text.") -> bytes:
    lines = [version, f"WARC-Type: {kind}", "WARC-Target-URI: http://a.example/", "WARC-Date: 2019-04-18T05:15:01Z"]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body, "", ""]).encode()


WET = [record("warcinfo"), *[record("conversion")] * 3]
WARC = [record("warcinfo"), *[record("request"), record("response"), record("metadata")] * 2]
WAT = [record("warcinfo"), *[record("metadata")] * 4]


def counted(records: list[bytes], parser: str) -> Counter:
    found: Counter = Counter()
    list(parsers.read_records(io.BytesIO(b"".join(records)), parser, "a.wet", kinds=found))
    return found


@pytest.mark.parametrize("parser", parsers.WET_PARSERS)
def test_the_types_of_records_are_counted(parser):
    expected = {"type:warcinfo": 1, "type:request": 2, "type:response": 2, "type:metadata": 2}
    assert counted(WARC, parser) == expected


def test_lines_of_other_versions_are_counted_if_they_are_read_as_text():
    records = [record("warcinfo"), *[record("conversion", "WARC/1.1")] * 5, record("conversion", "WARC/0.18")]
    assert counted(records, "tfds") == {"type:warcinfo": 1, "version:WARC/1.1": 5, "version:WARC/0.18": 1}
    assert counted(records, "warc") == {"type:warcinfo": 1, "type:conversion": 6}


def test_a_version_within_a_line_of_text_is_not_a_record():
    body = "The format WARC/1.1 is new.\r\nAlso WARC/1.1\r\nWARC/1.1 it is"
    assert counted([record("conversion", body=body)], "tfds") == {"type:conversion": 1}


def test_records_too_large_to_keep_are_counted_once(monkeypatch):
    monkeypatch.setattr("c4pipe.corpus.wet.line_parser._HOLD_BYTES", 100)
    body = "A line of text.\r\n" * 50 + "WARC/1.1\r\nWARC-Type: conversion\r\n" + "A line of text.\r\n" * 50
    assert counted([record("conversion", body=body)] * 2, "tfds") == {"type:conversion": 2, "version:WARC/1.1": 2}


@pytest.mark.parametrize(
    ("found", "parser", "expected"),
    [
        ({"type:warcinfo": 1, "type:conversion": 2000}, "tfds", []),
        (
            {"type:warcinfo": 1, "type:request": 16, "type:response": 16, "type:metadata": 15},
            "tfds",
            [
                "47 of 48 records are not conversion records (15 metadata, 16 request, 16 response): this looks like a "
                "WARC file, and the reference's parser reads their text as pages; --wet_parser=warc leaves them out"
            ],
        ),
        (
            {"type:metadata": 15},
            "warc",
            [
                "15 of 15 records are not conversion records (15 metadata): this looks like a WAT file; they were left "
                "out"
            ],
        ),
        (
            {"type:conversion": 1999, "type:metadata": 1},
            "warc",
            ["1 of 2,000 records are not conversion records (1 metadata); they were left out"],
        ),
        (
            {"type:conversion": 1, "version:WARC/1.1": 5},
            "tfds",
            ["5 lines say WARC/1.1, which the reference's parser reads as text; --wet_parser=warc reads such records"],
        ),
    ],
    ids=["wet", "warc", "wat", "one other", "version"],
)
def test_what_was_seen_is_said(found, parser, expected):
    assert kinds.notices(found, parser) == expected


@pytest.mark.parametrize("parser", parsers.WET_PARSERS)
@pytest.mark.parametrize(
    ("records", "fault"),
    [
        (WET, ""),
        ([], ""),
        ([b"no record at all"], ""),
        ([record("conversion"), *WARC], ""),
        (
            WARC,
            "looks like a WARC file, not a WET file: its first records are metadata, request, response, none is "
            "conversion",
        ),
        (WAT, "looks like a WAT file, not a WET file: its first records are metadata, none is conversion"),
    ],
    ids=["wet", "empty", "text", "both", "warc", "wat"],
)
def test_the_beginning_of_a_file_tells_its_kind(records, fault, parser):
    for data in (b"".join(records), gzip.compress(b"".join(records), mtime=0)):
        assert kinds.fault_of_beginning(io.BytesIO(data), "a.wet", parser) == fault


def test_a_file_of_another_version_is_at_fault_for_the_parser_that_does_not_read_it():
    data = b"".join([record("warcinfo", "WARC/1.1"), record("conversion", "WARC/1.1")])
    assert kinds.fault_of_beginning(io.BytesIO(data), "a", "tfds") == (
        "has records of WARC/1.1, which the reference's parser reads as text; --wet_parser=warc reads them"
    )
    assert kinds.fault_of_beginning(io.BytesIO(data), "a", "warc") == ""


def test_a_compression_that_is_not_read_is_a_fault():
    fault = kinds.fault_of_beginning(io.BytesIO(b"\x04\x22\x4d\x18 and so on"), "a", "tfds")
    assert fault.startswith("cannot be read: this is a file of the kind lz4; unpack it")


def test_a_plain_file_with_the_name_of_a_compressed_file_is_a_fault():
    fault = kinds.fault_of_beginning(io.BytesIO(b"A line of text.\n" * 9), "a.wet.gz", "tfds")
    assert fault.startswith("cannot be read from its first byte (") and "rename it if it is not compressed" in fault


def test_a_broken_file_is_judged_by_its_readable_records():
    packed = gzip.compress(b"".join(WARC) + bytes(range(256)) * 99, mtime=0)
    assert kinds.fault_of_beginning(io.BytesIO(packed[:-20]), "a.gz", "tfds").startswith("looks like a WARC file")


@pytest.mark.parametrize("parser", parsers.WET_PARSERS)
def test_a_file_that_was_packed_twice_is_a_fault(parser):
    twice = gzip.compress(gzip.compress(b"".join(WET), mtime=0), mtime=0)
    fault = kinds.fault_of_beginning(io.BytesIO(twice), "a.wet.gz", parser)
    assert fault == "has a file of the kind gzip inside of its compression; unpack it once"
    archive = gzip.compress(b"a.wet".ljust(257, b"\0") + b"ustar\0".ljust(255, b"\0") + b"".join(WET), mtime=0)
    fault = kinds.fault_of_beginning(io.BytesIO(archive), "a.tar.gz", parser)
    assert fault == "has a file of the kind tar inside of its compression; unpack it once"


@pytest.mark.parametrize("parser", parsers.WET_PARSERS)
def test_a_file_of_the_format_before_warc_is_a_fault(parser):
    arc = b"filedesc://a.arc 0.0.0.0 20190418051500 text/plain 76\n1 0 Internet\n\nhttp://a.example/ 1.2.3.4 ...\n"
    fault = kinds.fault_of_beginning(io.BytesIO(gzip.compress(arc, mtime=0)), "a.arc.gz", parser)
    assert fault == "looks like an ARC file, not a WET file"
