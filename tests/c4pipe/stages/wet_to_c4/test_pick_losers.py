from collections.abc import Iterable

import numpy as np
import pytest

from c4pipe.corpus import deduplication
from c4pipe.corpus_run.earlier_crawls import EarlierCrawls
from c4pipe.corpus_run.keys import KEY_PART_BITS, KINDS, NUM_KEY_PARTS, bucket_edges, parts_around
from c4pipe.shards.work.key_files import count_rows, read_parts, write_key_file
from c4pipe.stages.wet_to_c4.packed_rows import MAX_ELEMENT_BYTES, EmitPacked, packed_by_place, unpack_places
from c4pipe.stages.wet_to_c4.pick_losers import EmitKeys, EmitLosers


def keys_of(file: int, texts: list[str]) -> np.ndarray:
    packed = [
        deduplication.pack_line_keys(text, f"http://{file}.example/{row}", file, row) for row, text in enumerate(texts)
    ]
    return np.concatenate(packed)


def emitted(step: EmitPacked, elements: Iterable) -> list[tuple[int, bytes]]:
    """Everything that a step gives for the elements, as one bundle."""
    step.start_bundle()
    found = [result for element in elements for result in step.process(element)]
    return found + [windowed.value for windowed in step.finish_bundle()]


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


@pytest.mark.parametrize("bits", [5, KEY_PART_BITS, KEY_PART_BITS + 4])
def test_buckets_of_the_shuffle_have_the_same_losers_as_all_keys_at_once(bits):
    kind = KINDS["lines"]
    keys = np.concatenate([keys_of(file, texts) for file, texts in enumerate(TEXTS)])
    groups: dict[int, list[bytes]] = {}
    for bucket, packed in packed_by_place(keys, kind.buckets(keys, bits), kind.dtype):
        groups.setdefault(bucket, []).append(packed)
    found: set[tuple] = set()
    for bucket, packed_keys in groups.items():
        parts, (first, end) = kind.parts(np.frombuffer(b"".join(packed_keys), kind.dtype)), parts_around(bucket, bits)
        assert ((parts >= first) & (parts < end)).all()
    for file, packed_losers in emitted(EmitLosers("lines", EarlierCrawls(), bits), groups.items()):
        losers = unpack_places(packed_losers, kind.losers)
        assert (losers["file"] == file).all()
        found |= set(map(tuple, losers[["file", "row", "index"]].tolist()))
    assert len(groups) > 1 and found == losers_at_once()


def test_no_element_of_the_shuffle_is_larger_than_its_bound_however_many_keys_meet_in_a_bucket():
    """One line that all pages have: its keys are 720,000 bytes in one bucket, and all but one lose in one file."""
    keys = keys_of(0, ["the same line on every page"] * 20_000)
    elements = emitted(EmitKeys(lambda keys: keys, "lines", bucket_bits=5), [keys])
    (bucket,) = {bucket for bucket, _ in elements}
    assert max(len(packed) for _, packed in elements) <= MAX_ELEMENT_BYTES
    assert np.array_equal(np.frombuffer(b"".join(packed for _, packed in elements), KINDS["lines"].dtype), keys)
    group = (bucket, [packed for _, packed in elements])
    losers = emitted(EmitLosers("lines", EarlierCrawls(), bucket_bits=5), [group])
    assert len(losers) > 1 and max(len(packed) for _, packed in losers) <= MAX_ELEMENT_BYTES
    assert sum(len(unpack_places(packed, KINDS["lines"].losers)) for _, packed in losers) == 19_999


def test_a_file_without_keys_has_no_elements():
    assert emitted(EmitKeys(lambda keys: keys, "urls", bucket_bits=5), [np.zeros(0, KINDS["urls"].dtype)]) == []


@pytest.mark.parametrize("count", [1, 2, 7, NUM_KEY_PARTS])
def test_buckets_cover_every_part_once(count):
    edges = bucket_edges(count)
    assert len(edges) == count
    assert [part for first, end in edges for part in range(first, end)] == list(range(NUM_KEY_PARTS))
