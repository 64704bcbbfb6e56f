import numpy as np
import pytest

from c4pipe.corpus import deduplication
from c4pipe.corpus_run.earlier_crawls import EarlierCrawls
from c4pipe.corpus_run.keys import KINDS, NUM_KEY_PARTS, bucket_edges
from c4pipe.shards.work.key_files import count_rows, read_parts, write_key_file
from c4pipe.stages.wet_to_c4 import pick_losers
from c4pipe.stages.wet_to_c4.pick_losers import MAX_ELEMENT_BYTES, slices


def keys_of(file: int, texts: list[str]) -> np.ndarray:
    packed = [
        deduplication.pack_line_keys(text, f"http://{file}.example/{row}", file, row) for row, text in enumerate(texts)
    ]
    return np.concatenate(packed)


TEXTS = [[f"line {(file * 7 + row * 3) % 23}\nalone {file} {row}" for row in range(18)] for file in range(5)]


def losers_at_once() -> set[tuple]:
    keys = np.concatenate([keys_of(file, texts) for file, texts in enumerate(TEXTS)])
    return set(map(tuple, deduplication.pick_line_losers(keys).tolist()))


@pytest.mark.parametrize("num_buckets", [1, 3, 64])
def test_buckets_of_key_files_have_the_same_losers_as_all_keys_at_once(tmp_path, num_buckets):
    kind = KINDS["lines"]
    for file, texts in enumerate(TEXTS):
        keys = keys_of(file, texts)
        write_key_file(str(tmp_path / str(file)), keys, kind.parts(keys), NUM_KEY_PARTS, kind.dtype)
        assert count_rows(str(tmp_path / str(file)), kind.dtype) == len(keys)
    found: set[tuple] = set()
    for first, end in bucket_edges(num_buckets):
        parts = [read_parts(str(tmp_path / str(file)), first, end, kind.dtype) for file in range(len(TEXTS))]
        found |= set(map(tuple, kind.pick(np.concatenate(parts)).tolist()))
    assert found == losers_at_once() and found


def test_slices_of_the_shuffle_have_the_same_losers_as_all_keys_at_once():
    kind = KINDS["lines"]
    buckets: dict[int, list[bytes]] = {}
    for file, texts in enumerate(TEXTS):
        for bucket, packed in slices(keys_of(file, texts), "lines", bucket_bits=5):
            buckets.setdefault(bucket, []).append(packed)
    found: set[tuple] = set()
    for packed_keys in buckets.values():
        keys = np.frombuffer(b"".join(packed_keys), dtype=kind.dtype)
        found |= set(map(tuple, kind.pick(keys).tolist()))
    assert len(buckets) > 1 and found == losers_at_once()


def test_no_element_of_the_shuffle_is_larger_than_its_bound_however_many_keys_meet_in_a_bucket():
    """One line that all pages have: its keys are 720,000 bytes in one bucket, and all but one lose in one file."""
    keys = keys_of(0, ["the same line on every page"] * 20_000)
    elements = slices(keys, "lines", bucket_bits=5)
    assert len({bucket for bucket, _ in elements}) == 1
    assert max(len(packed) for _, packed in elements) <= MAX_ELEMENT_BYTES
    assert np.array_equal(np.frombuffer(b"".join(packed for _, packed in elements), KINDS["lines"].dtype), keys)
    losers = list(pick_losers.pick_in_group((0, [packed for _, packed in elements]), "lines", EarlierCrawls(), 5))
    assert len(losers) > 1 and max(len(packed) for _, packed in losers) <= MAX_ELEMENT_BYTES
    assert sum(len(packed) for _, packed in losers) == 19_999 * KINDS["lines"].losers.itemsize


def test_a_file_without_keys_has_no_slices():
    assert slices(np.zeros(0, KINDS["urls"].dtype), "urls", bucket_bits=5) == []


@pytest.mark.parametrize("count", [1, 2, 7, NUM_KEY_PARTS])
def test_buckets_cover_every_part_once(count):
    edges = bucket_edges(count)
    assert len(edges) == count
    assert [part for first, end in edges for part in range(first, end)] == list(range(NUM_KEY_PARTS))
