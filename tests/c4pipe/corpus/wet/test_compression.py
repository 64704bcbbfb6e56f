"""Compressed WET files: four compressions are read alike, others are named."""

import bz2
import gzip
import io
import lzma
import tracemalloc

import pytest
import zstandard

from c4pipe.corpus.variants import COMPATS
from c4pipe.corpus.wet import blocks, parsers
from c4pipe.records import Page, Quarantined

RECORD = "WARC/1.0\nWARC-Target-URI: http://a.example/\nWARC-Date: 2019-04-18T05:15:01Z\n\nPage number {}.\n\n"
RECORDS = [RECORD.format(number).encode() for number in range(60)]
PLAIN = b"".join(RECORDS)
SKIPPED_FRAME = b"\x50\x2a\x4d\x18\x04\0\0\0note"
PACK = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "xz": lzma.compress,
    "bz2": bz2.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
ENDINGS = {"gzip": ".gz", "xz": ".xz", "bz2": ".bz2", "zstd": ".zst"}
every_compression = pytest.mark.parametrize("name", PACK)


def read(data: bytes, name: str = "a.wet") -> list[parsers.Outcome]:
    return list(parsers.read_records(io.BytesIO(data), "tfds", name, COMPATS["tfds-3.1.0"]))


@every_compression
def test_a_member_for_all_or_for_each_record_reads_as_plain_text_does(name):
    pack = PACK[name]
    assert read(pack(PLAIN)) == read(PLAIN)
    assert read(b"".join(map(pack, RECORDS)), f"a{ENDINGS[name]}") == read(PLAIN)
    assert len(read(PLAIN)) == 60


@every_compression
def test_an_empty_file_of_each_has_no_records(name):
    assert read(b"", f"a{ENDINGS[name]}") == read(PACK[name](b"")) == []


@every_compression
@pytest.mark.parametrize("left", [1, 5, 20, -1])
def test_a_truncated_file_loses_the_records_after_the_cut_and_has_one_quarantine(name, left):
    first, second = PACK[name](RECORDS[0]), PACK[name](RECORDS[1])
    outcomes = read(first + second[:left], f"a{ENDINGS[name]}")
    assert isinstance(outcomes[0], Page)
    assert [outcome.reason for outcome in outcomes[1:]] == [f"corrupt_{name}"]
    assert outcomes[1].offset == len(RECORDS[0]) and outcomes[1].detail


@every_compression
def test_pages_before_the_break_of_the_only_member_count(name):
    chance = __import__("random").Random(5)
    noise = lambda: "".join(chance.choice("abcdefghij ") for _ in range(4000))  # noqa: E731
    plain = b"".join(RECORD.format(noise()).encode() for _ in range(1000))
    packed = PACK[name](plain)
    outcomes = read(packed[: len(packed) // 2], f"a{ENDINGS[name]}")
    pages = [outcome for outcome in outcomes if isinstance(outcome, Page)]
    assert len(pages) >= 200 and pages == read(plain)[: len(pages)]
    assert [outcome.reason for outcome in outcomes[len(pages) :]] == [f"corrupt_{name}"]


@every_compression
def test_a_name_that_contradicts_the_bytes_is_one_quarantine(name):
    (outcome,) = read(PLAIN, f"a{ENDINGS[name]}")
    assert isinstance(outcome, Quarantined) and outcome.reason == f"corrupt_{name}" and outcome.offset == 0


@every_compression
def test_the_first_bytes_count_more_than_the_name(name):
    other = ".gz" if name != "gzip" else ".xz"
    assert read(PACK[name](PLAIN), f"a{other}") == read(PLAIN)


def test_frames_to_be_skipped_are_skipped():
    packed = SKIPPED_FRAME + PACK["zstd"](RECORDS[0]) + SKIPPED_FRAME + PACK["zstd"](RECORDS[1]) + SKIPPED_FRAME
    assert read(packed) == read(RECORDS[0] + RECORDS[1])


def test_zero_bytes_after_xz_streams_are_padding():
    assert len(read(PACK["xz"](RECORDS[0]) + b"\0" * 4 + PACK["xz"](RECORDS[1]) + b"\0" * 100_000)) == 2


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"PK\x03\x04", "zip"),
        (b"\xff\x06\0\0sNaPpY", "snappy"),
        (b"LZIP\x01", "lzip"),
        (b"\x1f\x9d\x90", "compress (.Z)"),
        (b"Rar!\x1a\x07\x01", "rar"),
        (b"a.wet".ljust(257, b"\0") + b"ustar\x0000", "tar"),
    ],
    ids=["lz4", "7z", "zip", "snappy", "lzip", "compress", "rar", "tar"],
)
@pytest.mark.parametrize("parser", parsers.WET_PARSERS)
def test_another_compression_is_named(first, name, parser):
    (outcome,) = parsers.read_records(io.BytesIO(first + b"\x12\x80" * 500), parser, "a.wet.gz", COMPATS["tfds-3.1.0"])
    assert (outcome.reason, outcome.offset) == ("other_compression", 0)
    assert (
        outcome.detail
        == f"this is a file of the kind {name}; unpack it, or compress it by gzip, xz, bzip2 or zstd instead"
    )


@every_compression
def test_a_little_that_unfolds_to_very_much_is_read_in_constant_memory(name):
    packed = PACK[name](b"\n" * (256 << 20))
    tracemalloc.start()
    try:
        total = sum(map(len, blocks.read_blocks(io.BytesIO(packed), "a")))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 256 << 20 and peak < 48 << 20
