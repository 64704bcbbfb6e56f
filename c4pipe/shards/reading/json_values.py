"""JSON: one object per line, one array of objects, or one object over many lines."""

import codecs
import io
import json
import re
from collections.abc import Iterator
from typing import Any

from c4pipe.compression import DamagedFile
from c4pipe.shards.reading.lines import numbered_lines
from c4pipe.shards.reading.record import BadRecord, RawRecord

_BOM = codecs.BOM_UTF8
_PEEK_BYTES = 4096
_BLOCK_BYTES = 1 << 20
# The longest element of an array, in characters, so that a broken element is noticed before the file fills the memory.
_MAX_ELEMENT = 1 << 28
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACE = re.compile(r"[ \t\r\n]*")


def read_json(stream: io.BufferedReader) -> Iterator[RawRecord | BadRecord]:
    """Yield the objects of a file. If its first character is `[`, it is an array; if its first line is `{`, one object.

    Raises: DamagedFile if an array or a single object is broken. A broken line is a bad record.
    """
    start = stream.peek(_PEEK_BYTES)[:_PEEK_BYTES].removeprefix(_BOM).lstrip()
    if start.startswith(b"["):
        yield from _array(stream)
    elif re.match(rb"\{[ \t\r]*\n", start):
        yield from _document(stream)
    else:
        yield from _lines(stream)


def _lines(stream: io.BufferedReader) -> Iterator[RawRecord | BadRecord]:
    import orjson

    loads, broken = orjson.loads, orjson.JSONDecodeError
    for number, (offset, line) in enumerate(numbered_lines(stream)):
        try:
            fields = loads(line)
        except broken:
            # The standard library also accepts NaN and halves of surrogate pairs, which other tools write.
            try:
                fields = _mended(json.loads(line.removeprefix(_BOM) if offset == 0 else line))
            except UnicodeDecodeError as error:
                yield BadRecord(number, offset, "bad_utf8", str(error))
                continue
            except (ValueError, RecursionError) as error:
                yield BadRecord(number, offset, "bad_json", f"no valid JSON ({error})")
                continue
        yield _record(number, offset, fields)


def _record(number: int, offset: int, value: Any) -> RawRecord | BadRecord:
    if isinstance(value, dict):
        return RawRecord(number, offset, value)
    return BadRecord(number, offset, "bad_json", f"not a JSON object but {type(value).__name__}")


def _document(stream: io.BufferedReader) -> Iterator[RawRecord | BadRecord]:
    try:
        yield _record(0, 0, _mended(json.loads(stream.read().decode("utf-8-sig"))))
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"its one JSON object is broken: {error}") from error


def _array(stream: io.BufferedReader) -> Iterator[RawRecord | BadRecord]:
    """Yield the elements of an array, which is read block by block."""
    window = _Window(stream)
    window.skip("[")
    number = 0
    while (mark := window.next_mark()) != "]":
        if number:
            if mark != ",":
                raise DamagedFile(f"no comma behind element {number - 1} of its JSON array")
            window.skip(",")
        value = window.value(number)
        try:
            fields = _mended(value)
        except RecursionError as error:
            raise DamagedFile(f"element {number} of its JSON array is nested too deep") from error
        yield _record(number, number, fields)
        number += 1
    window.skip("]")
    if window.next_mark():
        raise DamagedFile("its JSON array ends, and the file goes on; give one array, or one object per line")


class _Window:
    """The text of a stream from the present place on, as far as it was read."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._decoder = json.JSONDecoder()
        self._text, self._place, self._ended = "", 0, False

    def _more(self) -> bool:
        """Read more text. Returns whether there was any."""
        if self._ended:
            return False
        # Blocks become larger, so that a long element is not parsed again for every block.
        block = self._stream.read(max(_BLOCK_BYTES, len(self._text) - self._place))
        self._ended = not block
        try:
            text = self._decode(block, self._ended)
        except UnicodeDecodeError as error:
            raise DamagedFile(f"not UTF-8: {error}") from error
        self._text, self._place = self._text[self._place :] + text, 0
        return True

    def next_mark(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            match = _SPACE.match(self._text, self._place)
            self._place = match.end() if match else self._place
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._more():
                return ""

    def skip(self, mark: str) -> None:
        if self.next_mark() != mark:
            raise DamagedFile(f"{mark!r} is missing in its JSON array")
        self._place += 1

    def value(self, number: int) -> Any:
        """The next value, element `number` of the array."""
        if not self.next_mark():
            raise DamagedFile(f"it ends in its JSON array, behind element {number - 1}")
        while True:
            fault: Exception | None = None
            try:
                value, end = self._decoder.raw_decode(self._text, self._place)
                # A number may continue in the next block.
                if end < len(self._text) or self._ended:
                    self._place = end
                    return value
            except (ValueError, RecursionError) as error:
                fault = error
            if len(self._text) - self._place > _MAX_ELEMENT or not self._more():
                raise DamagedFile(f"element {number} of its JSON array is cut or no valid JSON: {fault}") from fault


def _mended(value: Any) -> Any:
    """The value with replacement characters for halves of surrogate pairs, which are not possible in UTF-8."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mended(element) for element in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(element) for key, element in value.items()}
    return value
