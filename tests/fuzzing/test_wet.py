"""Odd WET files, packed and not: every outcome is a page, dropped or quarantined."""

import gzip
import io
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import odd_bytes

from c4pipe.corpus.variants import COMPATS
from c4pipe.corpus.wet import parsers
from c4pipe.records import Dropped, Page, Quarantined

pytestmark = pytest.mark.slow


def record(number: int) -> bytes:
    text = f"Page {number} of the mill.\nÄ line öf text, with words and an end.\n".encode() * 3
    head = (
        f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://a.example/{number}\r\n"
        f"WARC-Date: 2019-04-18T05:15:01Z\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    return head.encode() + text + b"\r\n\r\n"


GOOD = [record(number) for number in range(6)]


@pytest.mark.parametrize("parser", ["tfds", "warc"])
def test_odd_wet_files(parser, fuzz):
    def attempt(draw: random.Random) -> bool:
        records = [odd_bytes(record, draw) if draw.random() < 0.3 else record for record in GOOD]
        packed = b"".join(gzip.compress(record, mtime=0) for record in records)
        if draw.random() < 0.5:
            packed = odd_bytes(packed, draw)
        for outcome in parsers.read_records(io.BytesIO(packed), parser, "a.gz", COMPATS["tfds-3.1.0"]):
            assert isinstance(outcome, Page | Dropped | Quarantined)
            if isinstance(outcome, Page):
                assert outcome.url and outcome.text and len(outcome.text) <= 190_000
        return True

    fuzz(attempt)
