"""Makes a page from the lines of one record, for both WET parsers."""

import codecs

from c4pipe.corpus.rules import MAX_PAGE_LENGTH
from c4pipe.records import Dropped, Page, Quarantined

INVALID_UTF8 = "invalid_utf8"
BAD_HEADER = "bad_header"
TOO_LONG = "too_long"

URL_FIELD = "WARC-Target-URI:"
DATE_FIELD = "WARC-Date:"
TYPE_FIELD = "Content-Type:"
LENGTH_FIELD = "Content-Length:"
FIELDS = (URL_FIELD, DATE_FIELD, TYPE_FIELD, LENGTH_FIELD)
METADATA_PREFIXES = ("WARC", "CONTENT-", "Content-")

# The most characters of one line to keep. A longer line of text makes its page too long anyway.
_HOLD_CHARACTERS = 1 << 20


def stripped_lines(text: str) -> list[str]:
    """The lines of a text that are not blank, each without white space at both ends.

    Lines end only at `\\n`, `\\r\\n` or `\\r`, like Python's universal newlines.
    """
    if "\r" in text:
        # "\r\n" becomes an additional blank line, which does no harm, because blank lines are removed.
        text = text.replace("\r", "\n")
    return list(filter(None, map(str.strip, text.split("\n"))))


def make_page(fields: dict[str, str], text: str, record: int, needs_timestamp: bool) -> Page | Dropped:
    """A page, or the first reason why the record is not a page, tested in the reference's order.

    fields: the last value of each of `FIELDS` that the record has.
    """
    url = fields.get(URL_FIELD, "")
    timestamp = fields.get(DATE_FIELD, "")
    if not url:
        return Dropped("no_url")
    if not text:
        return Dropped("no_content")
    if needs_timestamp and not timestamp:
        return Dropped("no_timestamp")
    if len(text) > MAX_PAGE_LENGTH:
        return Dropped(TOO_LONG, text.count("\n") + 1, len(text.encode("utf-8", "surrogatepass")))
    return Page(url, text, timestamp, fields.get(TYPE_FIELD, ""), fields.get(LENGTH_FIELD, ""), record)


def page_from_lines(record_bytes: bytes, record: int, needs_timestamp: bool) -> Page | Dropped:
    """A record as the reference reads it: lines with metadata count at any place, also in the text.

    Raises: UnicodeDecodeError if the bytes are not UTF-8.
    """
    lines = stripped_lines(record_bytes.decode("utf-8"))
    metadata = [line for line in lines if line[0] in "WC" and line.startswith(METADATA_PREFIXES)]
    fields: dict[str, str] = {}
    for line in metadata:
        read_field(line, fields)
    if lines[: len(metadata)] == metadata:
        body = lines[len(metadata) :]
    else:
        body = [line for line in lines if not line.startswith(METADATA_PREFIXES)]
    return make_page(fields, "\n".join(body), record, needs_timestamp)


def read_field(line: str, fields: dict[str, str]) -> None:
    """Store the field that a metadata line sets, if it is one of `FIELDS`. The last value counts."""
    for field in FIELDS:
        if line.startswith(field):
            fields[field] = line[len(field) :].strip()


class LongRecord:
    """A record that is too large to keep: reads it piece by piece and keeps only as much as a page can have.

    The whole text is measured, including lines that are not kept.

    reads_metadata: whether lines of the text may be metadata (as for the reference's parser).
    """

    def __init__(self, fields: dict[str, str] | None = None, *, reads_metadata: bool = True) -> None:
        self._fields = dict(fields or {})
        self._reads_metadata = reads_metadata
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._lines: list[str] = []
        self._num_characters = self._num_lines = self._num_bytes = 0
        self._tail = ""
        self._cut = _CutPart()
        self._fault = ""
        self._detail = ""

    def feed(self, data: bytes, final: bool = False) -> None:
        """Take the next bytes of the record."""
        if self._fault:
            return
        try:
            text = self._decoder.decode(data, final)
        except UnicodeDecodeError as error:
            self._fault, self._detail = INVALID_UTF8, str(error)
            self._lines = []
            return
        if self._cut and "\n" not in text and "\r" not in text:
            self._cut.add(text)
            return
        lines = (self._tail + text).replace("\r", "\n").split("\n")
        self._tail = lines.pop()
        for line in lines:
            self._take(line)
        if len(self._tail) > _HOLD_CHARACTERS:
            line = self._tail.lstrip()
            self._cut.add(line[_HOLD_CHARACTERS:])
            self._tail = line[:_HOLD_CHARACTERS]

    def outcome(self, file_name: str, offset: int, record: int, needs_timestamp: bool) -> Page | Dropped | Quarantined:
        """The outcome of the record, after its last bytes were fed."""
        self.feed(b"", final=True)
        if not self._fault:
            self._take(self._tail)
            self._tail = ""
        if self._fault:
            return Quarantined(file_name, offset, self._fault, self._detail)
        if self._num_characters > MAX_PAGE_LENGTH:
            # Any text of this length will do: the other reasons are tested first, and then the page is too long.
            dropped = make_page(self._fields, "x" * (MAX_PAGE_LENGTH + 1), record, needs_timestamp)
            is_measured = isinstance(dropped, Dropped) and dropped.reason == TOO_LONG
            return Dropped(TOO_LONG, self._num_lines, self._num_bytes) if is_measured else dropped
        return make_page(self._fields, "\n".join(self._lines), record, needs_timestamp)

    def _take(self, line: str) -> None:
        cut, self._cut = self._cut, _CutPart()
        if cut:
            cut.add(line[_HOLD_CHARACTERS:])
            line = line[:_HOLD_CHARACTERS]
        # If more than blanks was cut, blanks at the end of the kept part are inside the line, and are not stripped.
        line = line.lstrip() if cut.num_bytes else line.strip()
        if not line:
            return
        if self._reads_metadata and line.startswith(METADATA_PREFIXES):
            if cut.num_bytes and line.startswith(FIELDS):
                self._fault, self._detail = BAD_HEADER, f"a header line of more than {_HOLD_CHARACTERS} characters"
            else:
                read_field(line, self._fields)
            return
        self._num_characters += len(line) + (1 if self._num_characters else 0)
        self._num_bytes += len(line.encode()) + cut.num_bytes + (1 if self._num_lines else 0)
        self._num_lines += 1
        if self._num_characters <= MAX_PAGE_LENGTH:
            self._lines.append(line)
        else:
            self._lines = []


class _CutPart:
    """Measures the part of a line that is not kept. num_bytes: its bytes without blanks at the end."""

    def __init__(self) -> None:
        self.num_bytes = 0
        self._num_blank_bytes = 0

    def __bool__(self) -> bool:
        return bool(self.num_bytes or self._num_blank_bytes)

    def add(self, piece: str) -> None:
        text = piece.rstrip()
        if text:
            self.num_bytes += self._num_blank_bytes + len(text.encode())
            self._num_blank_bytes = 0
        self._num_blank_bytes += len(piece[len(text) :].encode())
