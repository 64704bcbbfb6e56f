"""Which page wins when pages share a URL or a line: keys as packed numpy rows, and the rules that pick the winners.

Only these keys travel between workers, never text. The functions here are pure: the same rows in any order give the
same losers, so the result depends neither on the order of files nor on the runner.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

# Timestamps are compared as strings. A WARC date has 20 characters, or up to 30 with fractions of a second.
TIMESTAMP_BYTES = 32

# A copy of a page that competes for its URL. `url` and `text` are md5s as two big-endian halves, so that comparing the
# halves compares the digests. `file` is the index of the WET file in the list of all WET files sorted by base name.
URL_KEY = np.dtype(
    [
        ("url", ">u8", 2),
        ("timestamp", f"S{TIMESTAMP_BYTES}"),
        ("text", ">u8", 2),
        ("file", "<u4"),
        ("row", "<u4"),
    ]
)

# A page that competes for a line (36 bytes). `line` is a 128-bit hash of the line. `page` is the first 8 bytes of the
# md5 of the page's URL, which decide who wins. `index` is the line's number in the cleaned page.
LINE_KEY = np.dtype([("line", ">u8", 2), ("page", ">u8"), ("file", "<u4"), ("row", "<u4"), ("index", "<u4")])

# A URL or line that a finished corpus has: the first 80 bits of its md5. A crawl has some 10^10 lines; if they meet as
# many others, the chance that two different lines have the same key is below 10^-4.
KEPT_KEY = np.dtype([("high", ">u8"), ("low", ">u2")])

# The place of a loser.
URL_LOSER = np.dtype([("file", "<u4"), ("row", "<u4")])
LINE_LOSER = np.dtype([("file", "<u4"), ("row", "<u4"), ("index", "<u4")])


def url_key(normalized_url: str) -> bytes:
    """The 16-byte key of a page's URL."""
    return _md5(normalized_url)


def text_key(text: str) -> bytes:
    """The 16-byte md5 of a page's text, which breaks a tie between copies."""
    return _md5(text)


def page_key(url: str) -> bytes:
    """The 8 bytes that decide which page keeps a line. `url`: the raw URL, or the normalized one for tfds-3.0.1."""
    return _md5(url)[:8]


def pack_url_keys(
    normalized_urls: Sequence[str],
    timestamps: Sequence[str],
    texts: Sequence[str],
    file: int,
    rows: Sequence[int],
    *,
    newest_page_wins: bool = True,
) -> np.ndarray:
    """The competing copies of one file as (n,) rows of `URL_KEY`.

    If the newest page does not win (tfds-3.0.1), timestamps are left out, so that the text's md5 decides.
    """
    return pack_url_digests(
        [url_key(url) for url in normalized_urls],
        timestamps,
        [text_key(text) for text in texts],
        file,
        rows,
        newest_page_wins=newest_page_wins,
    )


def pack_url_digests(
    url_keys: Sequence[bytes],
    timestamps: Sequence[str],
    text_keys: Sequence[bytes],
    file: int,
    rows: Sequence[int],
    *,
    newest_page_wins: bool = True,
) -> np.ndarray:
    """As `pack_url_keys`, but from the keys of URLs and texts."""
    packed = np.zeros(len(url_keys), dtype=URL_KEY)
    if not len(packed):
        return packed
    packed["url"] = np.frombuffer(b"".join(url_keys), dtype=">u8").reshape(-1, 2)
    packed["text"] = np.frombuffer(b"".join(text_keys), dtype=">u8").reshape(-1, 2)
    if newest_page_wins:
        packed["timestamp"] = [stamp.encode("utf-8", "surrogatepass")[:TIMESTAMP_BYTES] for stamp in timestamps]
    packed["file"] = file
    packed["row"] = rows
    return packed


def line_contents(text: str) -> list[str]:
    """The lines of a page as they are compared: without white space at both ends, and in lower case."""
    # Lower-casing the whole text at once is faster and gives the same: letters whose lower case depends on the end of a
    # word (the Greek sigma) see it at a line feed too.
    return list(map(str.strip, text.lower().split("\n")))


def line_keys(text: str) -> np.ndarray:
    """The keys of the lines of a page, (n, 2) uint64: the md5 of each line, stripped and in lower case.

    Only line feeds separate lines.
    """
    return _digests(line_contents(text))


def pack_line_keys(text: str, url: str, file: int, row: int) -> np.ndarray:
    """The lines that a page competes for, as rows of `LINE_KEY`. Of equal lines in the page only the first competes.

    `url`: the raw URL, or the normalized one for tfds-3.0.1.
    """
    first_lines: dict[str, int] = {}
    for index, content in enumerate(line_contents(text)):
        first_lines.setdefault(content, index)
    packed = np.empty(len(first_lines), dtype=LINE_KEY)
    packed["line"] = _digests(first_lines)
    packed["page"] = int.from_bytes(page_key(url), "big")
    packed["file"] = file
    packed["row"] = row
    packed["index"] = list(first_lines.values())
    return packed


def pick_url_losers(keys: np.ndarray) -> np.ndarray:
    """The copies that lose their URL, as sorted rows of `URL_LOSER`.

    The winner of a URL is the copy with the largest timestamp, then the largest md5 of the text, then the earliest
    (file, row). keys: rows of `URL_KEY`; rows that share a URL must all be there.
    """
    order = _by_group(keys["url"])
    ordered = keys[order]
    in_groups = _shared(ordered["url"])
    ordered = ordered[in_groups]
    # The last row of a group wins: ascending by timestamp and text, descending by place.
    place = (ordered["file"].astype(np.uint64) << np.uint64(32)) | ordered["row"]
    order = np.lexsort(
        (
            ~place,
            ordered["text"][:, 1],
            ordered["text"][:, 0],
            ordered["timestamp"],
            ordered["url"][:, 1],
            ordered["url"][:, 0],
        )
    )
    ordered = ordered[order]
    is_winner = np.ones(len(ordered), dtype=bool)
    is_winner[:-1] = (ordered["url"][1:] != ordered["url"][:-1]).any(axis=1)
    return _places(ordered[~is_winner], URL_LOSER)


def pick_line_losers(keys: np.ndarray) -> np.ndarray:
    """The lines that pages lose to another page, as sorted rows of `LINE_LOSER`.

    The page with the smallest `page` keeps a line; if several have the same `page`, the earliest (file, row).
    keys: rows of `LINE_KEY`; rows that share a line must all be there. A page has at most one row per line
    (`pack_line_keys`).
    """
    order = _by_group(keys["line"])
    ordered = keys[order]
    ordered = ordered[_shared(ordered["line"])]
    place = (ordered["file"].astype(np.uint64) << np.uint64(32)) | ordered["row"]
    order = np.lexsort((place, ordered["page"], ordered["line"][:, 1], ordered["line"][:, 0]))
    ordered = ordered[order]
    is_winner = np.ones(len(ordered), dtype=bool)
    is_winner[1:] = (ordered["line"][1:] != ordered["line"][:-1]).any(axis=1)
    return _places(ordered[~is_winner], LINE_LOSER)


def kept_keys(halves: np.ndarray) -> np.ndarray:
    """The keys of what a corpus has, sorted and without repetitions: (m,) rows of `KEPT_KEY`.

    halves: (n, 2), 128-bit hashes as two numbers each.

    >>> kept_keys(np.array([[2, 0], [1, 5 << 48], [1, 5 << 48]], np.uint64)).tolist()
    [(1, 5), (2, 0)]
    """
    keys = np.empty(len(halves), KEPT_KEY)
    keys["high"], keys["low"] = halves[:, 0], halves[:, 1] >> np.uint64(48)
    return sorted_kept_keys(keys)


def sorted_kept_keys(keys: np.ndarray) -> np.ndarray:
    """Rows of `KEPT_KEY`, sorted and without repetitions."""
    # Big-endian fields without gaps are ordered as their bytes are.
    return np.unique(keys.view(f"V{KEPT_KEY.itemsize}")).view(KEPT_KEY) if len(keys) else keys


def are_kept(halves: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Which hashes are among the keys of what a corpus has, (n,) bool.

    halves: (n, 2), as for `kept_keys`; fastest if they are sorted. kept: sorted rows of `KEPT_KEY`.
    """
    high, low = halves[:, 0].astype(np.uint64), (halves[:, 1] >> np.uint64(48)).astype(np.uint16)
    kept_high, kept_low = kept["high"].astype(np.uint64), kept["low"].astype(np.uint16)
    place = np.searchsorted(kept_high, high)
    found = np.zeros(len(halves), dtype=bool)
    left = np.arange(len(halves))
    # Several keys may have the same first 64 bits, so the search goes on to the next key until these differ.
    while len(left):
        left = left[place[left] < len(kept)]
        left = left[kept_high[place[left]] == high[left]]
        is_same = kept_low[place[left]] == low[left]
        found[left[is_same]] = True
        left = left[~is_same]
        place[left] += 1
    return found


def _by_group(halves: np.ndarray) -> np.ndarray:
    """An order that brings equal 128-bit keys (n, 2) together."""
    return np.lexsort((halves[:, 1], halves[:, 0]))


def _shared(halves: np.ndarray) -> np.ndarray:
    """Which keys are equal to a neighbour, (n,) bool. halves: (n, 2), with equal keys side by side."""
    equals_next = (halves[1:] == halves[:-1]).all(axis=1)
    shared = np.zeros(len(halves), dtype=bool)
    shared[1:] |= equals_next
    shared[:-1] |= equals_next
    return shared


def _places(keys: np.ndarray, dtype: np.dtype) -> np.ndarray:
    names = dtype.names or ()
    places = np.empty(len(keys), dtype=dtype)
    for name in names:
        places[name] = keys[name]
    return places[np.lexsort(tuple(places[name] for name in reversed(names)))]


def _md5(text: str) -> bytes:
    return hashlib.md5(text.encode("utf-8", "surrogatepass")).digest()


def _digests(texts: Iterable[str]) -> np.ndarray:
    joined = b"".join([_md5(text) for text in texts])
    return np.frombuffer(joined, dtype=">u8").reshape(-1, 2).astype(np.uint64)
