"""Any bytes at all: no crash, nothing lost without a word, and the result does not depend on how the bytes come."""

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections import Counter

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from c4pipe.corpus.variants import COMPATS
from c4pipe.corpus.wet import line_parser, parsers, warc_parser
from c4pipe.corpus.wet.blocks import BrokenFile
from c4pipe.records import Dropped, Page, Quarantined

PIECES = [
    b"WARC/1.0\r\n",
    b"WARC/1.0\n",
    b"WARC/1.1\r\n",
    b"WARC/0.18\n",
    b" folded\r\n",
    b" WARC/1.0\xe2\x80\x83\n",
    b"WARC-Type: conversion\r\n",
    b"WARC-Target-URI: http://a.example/\r\n",
    b"WARC-Target-URI:\n",
    b"WARC-Date: 2019-04-18T05:15:01Z\r\n",
    b"Content-Type: text/plain\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 70\r\n",
    b"Content-Length: 99999999\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"Text.\n",
    b"A longer line of text, with words. " * 5 + b"\r\n",
    b"\xff\n",
    b"\xc3",
    b"\xe3\x80\x80",
    b"\xc2\x85",
    b"\x1f\x8b\x08",
    b"\0",
]
wet_bytes = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=6)), max_size=40).map(b"".join)
both_parsers = pytest.mark.parametrize("read", [line_parser.read_by_lines, warc_parser.read_by_length])
often = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def read_all(read, blocks) -> list:
    return list(read(blocks, "a.wet", True, Counter()))


def in_blocks(data: bytes, sizes: list[int]):
    start = 0
    while start < len(data):
        size = sizes[start % len(sizes)]
        yield data[start : start + size]
        start += size


def shape(outcomes) -> list:
    # The detail may have other words if a record is too large to keep.
    return [o if not isinstance(o, Quarantined) else (o.offset, o.reason) for o in outcomes]


@both_parsers
@given(data=wet_bytes, sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5))
@often
def test_the_size_of_blocks_does_not_matter(read, data, sizes):
    assert read_all(read, in_blocks(data, sizes)) == read_all(read, iter([data] if data else []))


@both_parsers
@given(data=wet_bytes)
@often
def test_any_bytes_give_outcomes_and_every_page_is_whole(read, data):
    for number, outcome in enumerate(read_all(read, iter([data] if data else []))):
        assert isinstance(outcome, Page | Dropped | Quarantined)
        if isinstance(outcome, Page):
            assert outcome.record == number
            assert outcome.url and outcome.text and outcome.timestamp and len(outcome.text) <= 190_000
            assert all(line and line == line.strip() for line in outcome.text.split("\n"))


@given(data=wet_bytes)
@often
def test_lines_agree_with_the_reference_s_way_of_reading(data):
    """The reference's own reading, in its own words, of what is valid UTF-8."""
    try:
        lines = [line.strip() for line in io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")]
    except UnicodeDecodeError:
        return
    records: list[list[str]] = [[]]
    for number, line in enumerate(lines):
        if line == "WARC/1.0" and number > 0:
            records.append([])
        records[-1].append(line)
    expected: list[str] = []
    for record in records if lines else []:
        text = "\n".join(ln for ln in record if ln and not ln.startswith(("WARC", "CONTENT-", "Content-")))
        fields = [
            [ln[len(f) :].strip() for ln in record if ln.startswith(f)] for f in ("WARC-Target-URI:", "WARC-Date:")
        ]
        url, date = (values[-1] if values else "" for values in fields)
        expected.append("no_url" if not url else "no_content" if not text else "no_timestamp" if not date else text)
    found = read_all(line_parser.read_by_lines, iter([data] if data else []))
    assert [o.text if isinstance(o, Page) else o.reason for o in found] == expected


@given(data=wet_bytes, sizes=st.lists(st.integers(1, 200), min_size=1, max_size=5), hold=st.integers(16, 400))
@often
def test_lines_that_are_too_large_to_keep_give_the_same(data, sizes, hold):
    expected = shape(read_all(line_parser.read_by_lines, iter([data] if data else [])))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_parser, "_HOLD_BYTES", hold)
        found = shape(read_all(line_parser.read_by_lines, in_blocks(data, sizes)))
    # White space that is longer than the kept part may hide a delimiter. The white space of the fuzzer is shorter.
    assert found == expected


@given(data=wet_bytes, sizes=st.lists(st.integers(1, 200), min_size=1, max_size=5), hold=st.integers(16, 400))
@often
def test_records_that_are_too_large_to_keep_do_not_crash(data, sizes, hold):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warc_parser, "_HOLD_BYTES", hold)
        for outcome in read_all(warc_parser.read_by_length, in_blocks(data, sizes)):
            assert isinstance(outcome, Page | Dropped | Quarantined)


# Compressing and unfolding by other ways than those of the reader: `zstandard`'s reader gives no error where a frame is
# cut off, so a cut of it is told by what comes out.
PACKINGS = {
    "gzip": (".gz", lambda data: gzip.compress(data, mtime=0), gzip.decompress),
    "xz": (".xz", lzma.compress, lzma.decompress),
    "bz2": (".bz2", bz2.compress, bz2.decompress),
    "zstd": (".zst", zstandard.ZstdCompressor(write_checksum=True).compress, None),
}


@pytest.mark.parametrize("name", PACKINGS)
@both_parsers
@given(data=wet_bytes, cut=st.integers(0, 400), flip=st.integers(0, 400))
@settings(often, max_examples=100)
def test_a_broken_file_is_one_quarantine_at_the_end(read, name, data, cut, flip):
    ending, pack, unpack = PACKINGS[name]
    good = data + b"\nmore" + data
    packed = bytearray(pack(data + b"\nmore") + pack(data))
    packed[flip % len(packed)] ^= 0x55
    packed = packed[: len(packed) - cut % len(packed)] or packed
    try:
        whole = unpack(bytes(packed)) if unpack else unpack_zstd(bytes(packed), (len(good) - len(data), len(good)))
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, ValueError):
        whole = None
    parser = "tfds" if read is line_parser.read_by_lines else "warc"
    outcomes = list(parsers.read_records(io.BytesIO(bytes(packed)), parser, f"a{ending}", COMPATS["tfds-3.1.0"]))
    reason = f"corrupt_{name}"
    corrupt = [number for number, o in enumerate(outcomes) if isinstance(o, Quarantined) and o.reason == reason]
    assert corrupt in ([], [len(outcomes) - 1])
    if whole is None:
        assert corrupt
    elif not corrupt:
        assert shape(outcomes) == shape(read_all(read, iter([whole] if whole else [])))


def unpack_zstd(packed: bytes, lengths: tuple[int, ...]) -> bytes | None:
    """What comes out, where it is as long as one frame or all: a cut between frames cannot be told from an end."""
    unpacked = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read()
    return unpacked if len(unpacked) in lengths else None


@given(data=wet_bytes, cut=st.integers(0, 1000))
@often
def test_every_delimiter_before_a_break_is_accounted_for(data, cut):
    cut = min(cut, len(data))

    def blocks():
        if cut:
            yield data[:cut]
        raise BrokenFile("corrupt_gzip", "broken", cut)

    outcomes = read_all(line_parser.read_by_lines, blocks())
    assert isinstance(outcomes[-1], Quarantined)
    num_delimiters = len(re.findall(rb"(?:^|(?<=[\r\n]))WARC/1\.0(?=[\r\n])", data[:cut]))
    assert len(outcomes) >= num_delimiters
