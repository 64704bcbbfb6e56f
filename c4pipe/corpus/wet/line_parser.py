"""The reference's WET parser: every line `WARC/1.0` starts a record, at any place. Content-Length is ignored."""

import re
from collections.abc import Iterator
from functools import partial

from c4pipe.corpus.wet.blocks import BrokenFile
from c4pipe.corpus.wet.kinds import Kinds, count_record
from c4pipe.corpus.wet.language_header import LanguageHeader
from c4pipe.corpus.wet.page import INVALID_UTF8, LongRecord, page_from_lines
from c4pipe.records import Dropped, Page, Quarantined

DELIMITER = b"WARC/1.0"
_HOLD_BYTES = 2 << 20
# The white space that `str.strip` removes, in UTF-8, without the ends of lines.
_WHITE_SPACE = re.compile(
    rb"(?:[\t\x0b\x0c\x1c-\x1f ]|\xc2[\x85\xa0]|\xe1\x9a\x80"
    rb"|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)*"
)
_LINE_ENDS = b"\r\n"
# A delimiter after more white space than this does not count.
_MAX_INDENT_BYTES = 4096


def read_by_lines(
    blocks: Iterator[bytes],
    file_name: str,
    needs_timestamp: bool,
    kinds: Kinds,
    language_header: LanguageHeader | None = None,
) -> Iterator[Page | Dropped | Quarantined]:
    """Yield the outcome of each record (reference: `split_wet_file`).

    A record that is not UTF-8 is quarantined; the reference would stop reading the file. kinds: gets the counts of
    types and versions. language_header: decides which records are skipped by it; those of more than 2 MB are not.
    """
    record = 0
    long_record: LongRecord | None = None
    for offset, data, is_whole in _split(blocks, file_name):
        if isinstance(data, Quarantined):
            yield data
            continue
        count_record(kinds, data, is_beginning=long_record is None)
        if not is_whole:
            long_record = long_record or LongRecord()
            long_record.feed(data)
            continue
        if long_record is not None:
            long_record.feed(data)
            yield long_record.outcome(file_name, offset, record, needs_timestamp)
            long_record = None
        else:
            try:
                if language_header is None:
                    yield page_from_lines(data, record, needs_timestamp)
                else:
                    read = partial(page_from_lines, data, record, needs_timestamp)
                    yield language_header.outcome(data, read)
            except UnicodeDecodeError as error:
                yield Quarantined(file_name, offset, INVALID_UTF8, str(error))
        record += 1


def _split(blocks: Iterator[bytes], file_name: str) -> Iterator[tuple[int, bytes | Quarantined, bool]]:
    """Yield (offset of the record, bytes of the record, whether they end the record), split at the delimiter lines."""
    buffer = b""
    buffer_offset = record_offset = 0
    # begin: where the record's bytes begin in the buffer. search: where to search for the next delimiter.
    # at_line_start: whether the buffer begins at the beginning of a line.
    begin = search = 0
    at_line_start = True
    broken: BrokenFile | None = None
    at_end = False
    while not at_end:
        try:
            block = next(blocks, b"")
        except BrokenFile as error:
            block, broken = b"", error
        at_end = not block
        if begin > 0:
            at_line_start = buffer[begin - 1] in _LINE_ENDS
        buffer = buffer[begin:] + block
        buffer_offset += begin
        search -= begin
        begin = 0
        while True:
            found, search = _find_delimiter(buffer, search, at_line_start, at_end)
            if found is None:
                break
            if buffer_offset + found > 0:
                yield record_offset, buffer[begin:found], True
            begin = found
            record_offset = buffer_offset + found
        if len(buffer) - begin > _HOLD_BYTES:
            # The last line is not complete yet, and may become a delimiter.
            cut = max(buffer.rfind(b"\n", begin), buffer.rfind(b"\r", begin)) + 1 or len(buffer)
            yield record_offset, buffer[begin:cut], False
            begin = search = cut
    rest = buffer[begin:]
    if broken is None:
        if buffer_offset + len(buffer) > 0:
            yield record_offset, rest, True
        return
    num_good = broken.offset - buffer_offset - begin
    if num_good < len(rest) and not (num_good > 0 and DELIMITER.startswith(rest[num_good:][: len(DELIMITER)])):
        num_good = 0
    if num_good > 0:
        yield record_offset, rest[:num_good], True
        record_offset = buffer_offset + begin + num_good
    yield record_offset, Quarantined(file_name, record_offset, broken.reason, broken.detail), True


def _find_delimiter(buffer: bytes, search: int, at_line_start: bool, at_end: bool) -> tuple[int | None, int]:
    """(start of the next delimiter's line or None, where to continue the search)."""
    while True:
        place = buffer.find(DELIMITER, search)
        if place < 0:
            # The bytes at the end may be the beginning of a delimiter.
            return None, max(search, len(buffer) - len(DELIMITER) + 1)
        behind = _WHITE_SPACE.match(buffer, place + len(DELIMITER)).end()  # type: ignore[union-attr]
        # The line, and even its last character, may continue in the next block: white space has up to three bytes.
        if len(buffer) - behind < 3 and not at_end and buffer[behind : behind + 1] not in (b"\n", b"\r"):
            return None, place
        search = place + len(DELIMITER)
        if behind == len(buffer) or buffer[behind] in _LINE_ENDS:
            start = _line_start(buffer, place, at_line_start)
            if start is not None:
                return start, search


def _line_start(buffer: bytes, place: int, at_line_start: bool) -> int | None:
    """The start of the line, if there is only white space between it and `place`; otherwise None."""
    if place == 0:
        return 0 if at_line_start else None
    if buffer[place - 1] in _LINE_ENDS:
        return place
    before = buffer[max(0, place - _MAX_INDENT_BYTES) : place]
    start = place - len(before) + max(before.rfind(b"\n"), before.rfind(b"\r")) + 1
    if start == place - len(before) and (start > 0 or not at_line_start):
        return None
    return start if _WHITE_SPACE.fullmatch(buffer, start, place) else None
