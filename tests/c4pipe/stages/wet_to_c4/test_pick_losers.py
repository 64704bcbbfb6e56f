import numpy as np
import pytest

from c4pipe.corpus import deduplication
from c4pipe.corpus_run.earlier_crawls import EarlierCrawls
from c4pipe.corpus_run.keys import KEY_PART_BITS, KINDS, NUM_KEY_PARTS, bucket_edges, parts_around
from c4pipe.shards.work.key_files import count_rows, read_parts, write_key_file
from c4pipe.stages.wet_to_c4.packed_rows import packed_by_place, unpack_places
from c4pipe.stages.wet_to_c4.pick_losers import EmitLosers


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
    pick = EmitLosers("lines", EarlierCrawls(), bits)
    pick.start_bundle()
    emitted = [element for group in groups.items() for element in pick.process(group)]
    for file, packed_losers in [*emitted, *(windowed.value for windowed in pick.finish_bundle())]:
        losers = unpack_places(packed_losers, kind.losers)
        assert (losers["file"] == file).all()
        found |= set(map(tuple, losers[["file", "row", "index"]].tolist()))
    assert len(groups) > 1 and found == losers_at_once()


@pytest.mark.parametrize("count", [1, 2, 7, NUM_KEY_PARTS])
def test_buckets_cover_every_part_once(count):
    edges = bucket_edges(count)
    assert len(edges) == count
    assert [part for first, end in edges for part in range(first, end)] == list(range(NUM_KEY_PARTS))
