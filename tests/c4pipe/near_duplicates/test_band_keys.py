import numpy as np

from c4pipe.near_duplicates.band_keys import (
    BAND_KEY,
    PARTS_PER_BAND,
    matches,
    pack_band_keys,
    unpack_band_keys,
)


def test_a_page_takes_ten_bytes_per_band():
    assert BAND_KEY.itemsize == 10


def test_keys_give_back_hashes_and_rows():
    rng = np.random.default_rng(0)
    pages, bands = np.array([0, 7, (1 << 24) - 1]), rng.integers(0, 2**64, (3, 14), np.uint64)
    keys, parts = pack_band_keys(pages, bands)
    hashes, rows = unpack_band_keys(keys)
    assert hashes.tolist() == [value & ((1 << 56) - 1) for value in bands.reshape(-1).tolist()]
    assert (parts % PARTS_PER_BAND).tolist() == [value >> 58 for value in bands.reshape(-1).tolist()]
    assert (parts // PARTS_PER_BAND).reshape(3, 14).tolist() == [list(range(14))] * 3
    assert rows.reshape(3, 14).tolist() == [[page] * 14 for page in pages.tolist()]


def test_no_pages_have_no_keys():
    keys, parts = pack_band_keys(np.zeros(0, np.int64), np.zeros((0, 14), np.uint64))
    assert len(keys) == len(parts) == 0


def test_matches_do_not_depend_on_the_order_of_keys():
    rng = np.random.default_rng(1)
    hashes, pages = rng.integers(0, 50, 200).astype(np.uint64), np.arange(200, dtype=np.uint64)
    order = rng.permutation(200)
    expected, found = matches(hashes, pages), matches(hashes[order], pages[order])
    assert [half.tolist() for half in expected] == [half.tolist() for half in found]
    assert len(expected[0]) == 200 - len(set(hashes.tolist()))


def test_nothing_matches_nothing():
    left, right = matches(np.zeros(0, np.uint64), np.zeros(0, np.uint64))
    assert len(left) == len(right) == 0
