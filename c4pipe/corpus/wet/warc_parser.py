"""A WARC parser for WET files. It uses Content-Length, and reads the versions 0.17, 0.18, 1.0 and 1.1.

Lines may end in CRLF or LF. Headers are read as warcio reads them: with folded lines, and URLs in angle brackets.
"""

import re
from collections.abc import Iterator

from c4pipe.corpus.wet.blocks import BrokenFile
from c4pipe.corpus.wet.kinds import TYPE, Kinds
from c4pipe.corpus.wet.language_header import LanguageHeader
from c4pipe.corpus.wet.page import (
    BAD_HEADER,
    DATE_FIELD,
    INVALID_UTF8,
    LENGTH_FIELD,
    TYPE_FIELD,
    URL_FIELD,
    LongRecord,
    make_page,
    stripped_lines,
)
from c4pipe.records import Dropped, Page, Quarantined

BAD_LENGTH = "bad_length"
NOT_CONVERSION = "not_conversion"

_VERSION_LINE = re.compile(rb"WARC/(?:1\.[01]|0\.1[78])[ \t]*\r?\n")
_VERSION_LINES = (b"WARC/1.0\r\n", b"WARC/1.1\r\n", b"WARC/0.18\r\n", b"WARC/0.17\r\n")
_ANY_VERSION = re.compile(rb"WARC/[0-9.]{1,8}(?=[ \t]*\r?\n)")
# Inside bytes that cannot be trusted, a version line counts only if a header field follows it.
_NEXT_RECORD = re.compile(rb"(?<=\n)WARC/(?:1\.[01]|0\.1[78])[ \t]*\r?\n(?=[A-Za-z][A-Za-z0-9-]{0,63}:)")
_HEADER_END = re.compile(rb"\n\r?\n")
_NOT_BLANK = re.compile(rb"[^\r\n \t]")
_LENGTH = re.compile(r"[0-9]{1,15}")
_MAX_HEADER_BYTES = 64 << 10
_HOLD_BYTES = 2 << 20
# The most bytes that a match of `_NEXT_RECORD` may need. They are kept when the rest of the buffer is dropped.
_OVERLAP_BYTES = 256
_FIELD_NAMES = {
    "warc-target-uri": URL_FIELD,
    "warc-date": DATE_FIELD,
    "content-type": TYPE_FIELD,
    "content-length": LENGTH_FIELD,
}

Outcome = Page | Dropped | Quarantined


def read_by_length(
    blocks: Iterator[bytes],
    file_name: str,
    needs_timestamp: bool,
    kinds: Kinds,
    language_header: LanguageHeader | None = None,
) -> Iterator[Outcome]:
    """Yield the outcome of each record. Only `conversion` records become pages. kinds: gets the counts of types.

    language_header: decides which records are skipped by it; those of more than 2 MB are not.

    A record whose length is wrong (no record follows it) is quarantined as `bad_length`; bytes that are not a header
    are quarantined as `bad_header`. After both, reading continues at the next record that can be recognised.
    """
    window = _Window(blocks)
    record = 0
    while window.skip_blank():
        offset = window.offset
        outcome = _read_record(window, file_name, record, needs_timestamp, kinds, language_header)
        if outcome is None:
            break
        yield outcome
        record += 1
    else:
        offset = window.offset
    if window.broken is not None:
        yield Quarantined(file_name, offset, window.broken.reason, window.broken.detail)


def _read_record(
    window: "_Window",
    file_name: str,
    record: int,
    needs_timestamp: bool,
    kinds: Kinds,
    language_header: LanguageHeader | None,
) -> Outcome | None:
    """The outcome of the record at the window's beginning; None if the file breaks off inside the record."""
    offset = window.offset

    def quarantined(reason: str, detail: str) -> Outcome | None:
        if not window.left() and window.broken is not None:
            return None
        return Quarantined(file_name, offset, reason, detail)

    header_length = window.find_header()
    if not header_length:
        detail = window.describe_no_header()
        window.skip_to_next_record(1)
        return quarantined(BAD_HEADER, detail)
    header = window.take(header_length)
    fields, record_type, fault = _parse_header(header)
    if record_type:
        kinds[TYPE + record_type] += 1
    length_field = fields.get(LENGTH_FIELD, "")
    if not _LENGTH.fullmatch(length_field):
        window.skip_to_next_record(0)
        return quarantined(BAD_LENGTH, f"Content-Length is {length_field!r}")
    length = int(length_field)
    if length > _HOLD_BYTES:
        return _read_long_record(window, file_name, offset, record, needs_timestamp, fields, record_type, length)
    if window.fill(length) < length or not window.is_record_end(length):
        if window.left() < length and window.broken is not None:
            return None
        window.skip_to_next_record(0)
        return quarantined(BAD_LENGTH, f"no record follows the {length} bytes that Content-Length tells")
    body = window.take(length)
    if fault:
        return Quarantined(file_name, offset, INVALID_UTF8, fault)
    if record_type != "conversion":
        return Dropped(NOT_CONVERSION if fields.get(URL_FIELD) else "no_url")

    def read() -> Page | Dropped:
        return make_page(fields, "\n".join(stripped_lines(body.decode("utf-8"))), record, needs_timestamp)

    try:
        return read() if language_header is None else language_header.outcome(header, read)
    except UnicodeDecodeError as error:
        return Quarantined(file_name, offset, INVALID_UTF8, str(error))


def _read_long_record(
    window: "_Window",
    file_name: str,
    offset: int,
    record: int,
    needs_timestamp: bool,
    fields: dict[str, str],
    record_type: str,
    length: int,
) -> Outcome | None:
    """The outcome of a record that is too large to keep. Its length is wrong if another record begins inside it."""
    body = LongRecord(fields, reads_metadata=False)
    left = length
    while left:
        available = min(window.fill(min(left, _HOLD_BYTES)), left)
        inner = window.find_record(available)
        if inner is None and available == left:
            body.feed(window.take(left))
            left = 0
        elif inner is None and available > _OVERLAP_BYTES and not window.at_end:
            body.feed(window.take(available - _OVERLAP_BYTES))
            left -= available - _OVERLAP_BYTES
        else:
            if inner is None and window.broken is not None:
                return None
            window.take(available if inner is None else inner)
            return Quarantined(file_name, offset, BAD_LENGTH, f"shorter than the {length} bytes of its Content-Length")
    if not window.is_record_end(0):
        window.skip_to_next_record(0)
        return Quarantined(file_name, offset, BAD_LENGTH, f"longer than the {length} bytes of its Content-Length")
    if record_type != "conversion":
        return Dropped(NOT_CONVERSION if fields.get(URL_FIELD) else "no_url")
    return body.outcome(file_name, offset, record, needs_timestamp)


def _parse_header(header: bytes) -> tuple[dict[str, str], str, str]:
    """(the fields that a page needs, WARC-Type in lower case, the fault of the bytes or an empty string)."""
    fault = ""
    try:
        text = header.decode("utf-8")
    except UnicodeDecodeError as error:
        text, fault = header.decode("utf-8", "replace"), str(error)
    fields: dict[str, str] = {}
    record_type = ""
    for name, value in _unfolded(text):
        if name in _FIELD_NAMES:
            fields[_FIELD_NAMES[name]] = value
        elif name == "warc-type":
            record_type = value.lower()
    if url := fields.get(URL_FIELD):
        fields[URL_FIELD] = _plain_url(url)
    return fields, record_type, fault


def _unfolded(header: str) -> Iterator[tuple[str, str]]:
    """(name in lower case, value) of each field. A line that begins with a blank continues the value before it."""
    name, value = "", ""
    for line in header.split("\n")[1:]:
        if line[:1] in (" ", "\t") and line.strip():
            # With its leading blanks, as in warcio.
            value += line.rstrip()
            continue
        if name:
            yield name, value.strip()
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
    if name:
        yield name, value.strip()


def _plain_url(url: str) -> str:
    """The URL as warcio gives it: without the angle brackets of some writers, and with `%20` in place of blanks."""
    if url.startswith("<") and url.endswith(">"):
        url = url[1:-1]
    return url.replace(" ", "%20")


class _Window:
    """The part of a stream of blocks that is in memory. `offset`: where it begins in the stream."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._data = b""
        self._begin = 0
        self.offset = 0
        self.at_end = False
        self.broken: BrokenFile | None = None

    def left(self) -> int:
        """The number of bytes in the window."""
        return len(self._data) - self._begin

    def fill(self, size: int) -> int:
        """Read until the window has `size` bytes or the stream ends. Returns the number of bytes in the window."""
        pieces = []
        have = self.left()
        while have < size and not self.at_end:
            try:
                block = next(self._blocks, b"")
            except BrokenFile as error:
                block, self.broken = b"", error
            self.at_end = not block
            pieces.append(block)
            have += len(block)
        if pieces:
            self._data = b"".join([self._data[self._begin :], *pieces])
            self._begin = 0
        return have

    def take(self, size: int) -> bytes:
        """Remove the next `size` bytes from the window and return them."""
        taken = self._data[self._begin : self._begin + size]
        self._begin += len(taken)
        self.offset += len(taken)
        return taken

    def skip_blank(self) -> bool:
        """Skip blank lines. Returns whether anything follows."""
        while self.fill(1):
            found = _NOT_BLANK.search(self._data, self._begin)
            self.take((found.start() if found else len(self._data)) - self._begin)
            if found:
                return True
        return False

    def find_header(self) -> int:
        """The length of the header, including the blank line that ends it; 0 if there is no header."""
        self.fill(_OVERLAP_BYTES)
        if not _VERSION_LINE.match(self._data, self._begin):
            return 0
        size = 4096
        while True:
            have = self.fill(size)
            found = _HEADER_END.search(self._data, self._begin, self._begin + _MAX_HEADER_BYTES)
            if found:
                return found.end() - self._begin
            if have < size or size >= _MAX_HEADER_BYTES:
                return 0
            size *= 4

    def describe_no_header(self) -> str:
        """Why the window does not begin with a header."""
        version = _ANY_VERSION.match(self._data, self._begin)
        if version and not _VERSION_LINE.match(self._data, self._begin):
            return f"{version[0].decode()} is not read; 0.17, 0.18, 1.0 and 1.1 are"
        return "no WARC header"

    def is_record_end(self, length: int) -> bool:
        """Whether the next `length` bytes are followed by blank lines and then a record or the end of the stream."""
        look_ahead = _OVERLAP_BYTES
        while True:
            have = self.fill(length + look_ahead)
            found = _NOT_BLANK.search(self._data, self._begin + length)
            if found is None and have >= length + look_ahead and look_ahead < _MAX_HEADER_BYTES:
                look_ahead *= 4
                continue
            if found is None:
                return True
            place = found.start() - self._begin
            self.fill(place + _OVERLAP_BYTES)
            place += self._begin
            if _VERSION_LINE.match(self._data, place):
                return True
            # The file may break off inside the next record.
            rest = self._data[place : place + _OVERLAP_BYTES]
            return self.broken is not None and any(line.startswith(rest) for line in _VERSION_LINES)

    def find_record(self, size: int) -> int | None:
        """The distance to the next record, if it begins in the next `size` bytes; otherwise None."""
        found = _NEXT_RECORD.search(self._data, self._begin)
        return found.start() - self._begin if found and found.start() - self._begin < size else None

    def skip_to_next_record(self, least: int) -> None:
        """Skip everything up to the next record that can be recognised and is at least `least` bytes away."""
        while True:
            have = self.fill(_OVERLAP_BYTES + least + 1)
            found = _NEXT_RECORD.search(self._data, self._begin + least)
            if found:
                self.take(found.start() - self._begin)
                return
            if self.at_end:
                self.take(have)
                return
            self.take(max(have - _OVERLAP_BYTES, 1))
            least = 0
