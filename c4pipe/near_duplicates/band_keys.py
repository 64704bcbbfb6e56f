"""The keys by which pages are compared: ten bytes, with the hash of a band and the page's row.

A page has one key per band: 140 bytes with 14 bands. Keys are divided into parts by their band and by the first six
bits of the hash. Of the hash, the last seven bytes are stored; the row takes three bytes. So two bits of the hash are
lost, and hashes are compared by 62 bits.
"""

import numpy as np

_PART_BITS = 6
PARTS_PER_BAND = 1 << _PART_BITS
MOST_ROWS = 1 << 24  # per text shard: a row is stored in three bytes
BAND_KEY = np.dtype([("hash", "u1", 7), ("row", "u1", 3)])


def pack_band_keys(pages: np.ndarray, bands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(keys, (m * bands,) of `BAND_KEY`; the part of each key, (m * bands,) int64).

    pages: (m,) the rows of the pages in their text shard. bands: (m, bands) uint64 band hashes.
    """
    num_bands = bands.shape[1]
    keys = np.empty(bands.size, BAND_KEY)
    hashes = np.ascontiguousarray(bands.astype(">u8")).view(np.uint8).reshape(-1, 8)
    keys["hash"] = hashes[:, 1:]
    rows = pages.astype(">u4").view(np.uint8).reshape(-1, 4)[:, 1:]
    keys["row"] = np.repeat(rows, num_bands, axis=0)
    parts = np.tile(np.arange(num_bands) * PARTS_PER_BAND, len(pages)) + (hashes[:, 0] >> (8 - _PART_BITS))
    return keys, parts


def unpack_band_keys(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(the hashes without their first byte, (n,) uint64; the rows, (n,) uint64).

    >>> keys, parts = pack_band_keys(np.array([5]), np.array([[0x0102030405060708]], np.uint64))
    >>> hashes, rows = unpack_band_keys(keys)
    >>> hex(hashes[0]), rows.tolist(), parts.tolist()
    ('0x2030405060708', [5], [0])
    """
    return _number(keys["hash"]), _number(keys["row"])


def _number(digits: np.ndarray) -> np.ndarray:
    padded = np.zeros((len(digits), 8), np.uint8)
    padded[:, 8 - digits.shape[1] :] = digits
    return padded.view(">u8").reshape(-1).astype(np.uint64)


def matches(hashes: np.ndarray, pages: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of pages with equal hashes: (the first page of the group, another page of the group), (k,) each.

    >>> left, right = matches(np.array([7, 9, 7, 7], np.uint64), np.array([3, 0, 1, 2], np.uint64))
    >>> left.tolist(), right.tolist()
    ([1, 1], [2, 3])
    """
    order = np.lexsort((pages, hashes))
    hashes, pages = hashes[order], pages[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = hashes[1:] != hashes[:-1]
    firsts = pages[is_first][np.cumsum(is_first) - 1] if len(order) else pages
    return firsts[~is_first], pages[~is_first]
