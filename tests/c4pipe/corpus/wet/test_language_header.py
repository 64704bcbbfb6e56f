import io

import pytest

from c4pipe.corpus.wet import language_header
from c4pipe.corpus.wet.language_header import OTHER_LANGUAGE, LanguageHeader, named_languages
from c4pipe.corpus.wet.parsers import WET_PARSERS, read_records
from c4pipe.records import Dropped, Page, Quarantined

FIELD = "WARC-Identified-Content-Language"


def record(number: int, languages: str = "", body: bytes = b"Some text of a page.", end: str = "\r\n") -> bytes:
    head = [
        "WARC/1.0",
        "WARC-Type: conversion",
        f"WARC-Target-URI: https://example.org/{number}",
        "WARC-Date: 2024-05-01T00:00:00Z",
        *([f"{FIELD}: {languages}"] if languages else []),
        f"Content-Length: {len(body)}",
    ]
    return end.join(head).encode() + 2 * end.encode() + body + 2 * end.encode()


@pytest.mark.parametrize(
    ("header", "codes"),
    [
        (f"WARC/1.0\r\n{FIELD}: deu,eng\r\nA: b\r\n\r\n", [b"deu", b"eng"]),
        (f"WARC/1.0\n{FIELD}: deu\n\n", [b"deu"]),
        (f"WARC/1.0\r\n{FIELD}: \r\n\r\n", []),
        ("WARC/1.0\r\nA: b\r\n\r\n", []),
        (f"WARC/1.0\r\nA: b\r\n\r\nThe field {FIELD}: deu\r\n", []),
    ],
)
def test_only_the_header_of_a_record_names_its_languages(header, codes):
    assert named_languages(header.encode()) == codes


@pytest.mark.parametrize("parser", WET_PARSERS)
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_records_in_other_languages_are_skipped_and_all_others_are_read(parser, end, monkeypatch):
    monkeypatch.setattr(language_header, "SAMPLED_SHARE", 1 << 40)
    languages = ["deu", "eng", "eng,deu", "", "fra,eng,spa"]
    content = b"".join(record(number, codes, end=end) for number, codes in enumerate(languages))
    found = list(read_records(io.BytesIO(content), parser, "a", language_header=LanguageHeader(["deu"])))
    assert [isinstance(outcome, Page) for outcome in found] == [True, False, True, True, False]
    assert found[1] == Dropped(OTHER_LANGUAGE)
    # The numbers of the records are those of the file.
    assert [page.record for page in found if isinstance(page, Page)] == [0, 2, 3]


@pytest.mark.parametrize("parser", WET_PARSERS)
def test_bytes_that_are_not_utf8_are_looked_at_in_wanted_languages_only(parser, monkeypatch):
    for share in (1, 1 << 40):
        monkeypatch.setattr(language_header, "SAMPLED_SHARE", share)
        content = record(0, "deu", b"\xff\xfe bad") + record(1, "eng", b"\xff\xfe bad")
        found = list(read_records(io.BytesIO(content), parser, "a", language_header=LanguageHeader(["deu"])))
        assert isinstance(found[0], Quarantined) and found[1] == Dropped(OTHER_LANGUAGE)


def test_sampled_pages_are_read_whatever_their_header_says(monkeypatch):
    monkeypatch.setattr(language_header, "SAMPLED_SHARE", 1)
    header = LanguageHeader(["deu"])
    content = record(0, "deu", b"Ein Text.") + record(1, "eng", b"A text.") + record(2, "", b"No header.")
    found = list(read_records(io.BytesIO(content), "tfds", "a", language_header=header))
    assert (header.kept, header.skipped) == (["Ein Text."], ["A text."])
    assert [isinstance(outcome, Page) for outcome in found] == [True, False, True]
