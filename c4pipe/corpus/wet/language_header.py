"""Common Crawl's own identification of a page's language: the header `WARC-Identified-Content-Language` of a record.

CLD2 found the language in the page's HTML. The header names up to three languages by their codes of
ISO 639-3. WET files have it since CC-MAIN-2020-24. A record without it is not skipped.
"""

import zlib
from collections.abc import Callable, Collection

from c4pipe.records import Dropped, Page, Quarantined

OTHER_LANGUAGE = "other_language"
FIELD = b"WARC-Identified-Content-Language:"
# One of this many records is read and identified in any case, so that the report can say how reliable the header is.
SAMPLED_SHARE = 64
_HEADER_BYTES = 8 << 10


class LanguageHeader:
    """Tells which records of a WET file have a header that names none of the wanted languages.

    wanted: codes of ISO 639-3. skipped, kept: the texts of the sampled pages whose header named none, or some, of the
    wanted languages.
    """

    def __init__(self, wanted: Collection[str]) -> None:
        self._wanted = frozenset(code.encode() for code in wanted)
        self.skipped: list[str] = []
        self.kept: list[str] = []

    def outcome(self, record: bytes, read: Callable[[], Page | Dropped | Quarantined]) -> Page | Dropped | Quarantined:
        """`Dropped` for a record whose header names other languages only, else what `read` makes of it.

        record: its bytes, or those of its header. read: makes the outcome of the record; may raise UnicodeDecodeError.
        """
        named = named_languages(record)
        if not named:
            return read()
        is_skipped = self._wanted.isdisjoint(named)
        is_sampled = zlib.crc32(record[:_HEADER_BYTES]) % SAMPLED_SHARE == 0
        if not is_skipped and not is_sampled:
            return read()
        if is_sampled:
            try:
                found = read()
            except UnicodeDecodeError:
                if not is_skipped:
                    raise
            else:
                if isinstance(found, Page):
                    (self.skipped if is_skipped else self.kept).append(found.text)
                if not is_skipped:
                    return found
        return Dropped(OTHER_LANGUAGE)


def named_languages(record: bytes) -> list[bytes]:
    """The codes that a record's header names; none if it has no such field.

    >>> named_languages(b"WARC/1.0\\r\\nWARC-Identified-Content-Language: deu,eng\\r\\n\\r\\nText")
    [b'deu', b'eng']
    """
    place = record.find(FIELD, 0, _HEADER_BYTES)
    if place < 0:
        return []
    for blank_line in (b"\r\n\r\n", b"\n\n"):
        # After the header, this is text of the page.
        if record.find(blank_line, 0, place) >= 0:
            return []
    value = record[place + len(FIELD) :].split(b"\n", 1)[0]
    return [code for code in map(bytes.strip, value.split(b",")) if code]
