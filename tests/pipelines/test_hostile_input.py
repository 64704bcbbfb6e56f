"""WET files made to exhaust a machine: memory stays as with any other file, and dropped pages are reported."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from isal import igzip
from small_crawl import write_crawl, write_punkt

ROOT = Path(__file__).parents[2]
# A run on a small crawl takes some 400 MB, most of it libraries and the tables of the language identifier.
MOST_BYTES = 900 << 20
BLOCK = 1 << 20
HEAD = (
    b"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://hostile.example/\r\n"
    b"WARC-Date: 2019-04-18T00:00:00Z\r\n\r\n"
)
LINE = b"This is a line of a record that does not end for a very long time.\n"


def bomb() -> Iterator[bytes]:
    """A gigabyte of zeros, a megabyte when packed."""
    yield from [bytes(BLOCK)] * 1024


def long_record() -> Iterator[bytes]:
    """One page of a gigabyte, in lines."""
    yield HEAD
    yield from [LINE * (BLOCK // len(LINE))] * 1024


def long_line() -> Iterator[bytes]:
    """A page whose one line has 100 MB."""
    yield HEAD
    yield from [b"word " * (BLOCK // 5)] * 100
    yield b"end.\n"


def no_texts() -> Iterator[bytes]:
    """Millions of records without a text."""
    record = HEAD.replace(b"hostile", b"no-text")
    yield from [record * 1000] * 2000


def long_fields() -> Iterator[bytes]:
    """A page whose URL has 20 MB."""
    yield b"WARC/1.0\r\nWARC-Date: 2019-04-18T00:00:00Z\r\nWARC-Target-URI: http://hostile.example/"
    yield from [b"a" * BLOCK] * 20
    yield b"\r\n\r\n" + LINE * 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "counter"),
    [
        (bomb, None),
        (long_record, "too-long-filter/filtered"),
        (long_line, "too-long-filter/filtered"),
        (no_texts, "split-wet-file/filtered:no_content"),
        (long_fields, None),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("wet_parser", ["tfds", "warc"])
def test_memory_is_bounded_and_the_other_pages_are_kept(tmp_path, content, counter, wet_parser):
    write_crawl(tmp_path / "wet", num_files=2)
    with igzip.open(tmp_path / "wet" / "CC-MAIN-hostile.warc.wet.gz", "wb", compresslevel=1) as target:
        for block in content():
            target.write(block)
    flags = [
        f"--input={tmp_path / 'wet' / '*.gz'}",
        f"--output={tmp_path / 'c4'}",
        "--variant=en.noblocklist",
        f"--sentence_model={write_punkt(tmp_path / 'punkt')}",
        "--max_quarantined_fraction=1",
        "--direct_num_workers=1",
        f"--wet_parser={wet_parser}",
    ]
    started = subprocess.Popen([sys.executable, "-m", "pipelines.wet_to_c4", *flags], cwd=ROOT)
    _, status, usage = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    assert started.returncode == 0
    assert usage.ru_maxrss * 1024 < MOST_BYTES
    report = json.loads((tmp_path / "c4" / "report.json").read_text())
    assert all(check["ok"] for check in report["checks"])
    assert report["splits"]["train"]["pages"] > 20
    if counter is not None and wet_parser == "tfds":
        assert report["counters"][counter] >= 1
