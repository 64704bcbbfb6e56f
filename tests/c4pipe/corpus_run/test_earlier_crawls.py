"""Which URLs and lines earlier crawls have, by their key files."""

import numpy as np
import pytest

from c4pipe.corpus import deduplication
from c4pipe.corpus_run import earlier_crawls
from c4pipe.corpus_run.earlier_crawls import EarlierCrawl, EarlierCrawls
from c4pipe.corpus_run.keys import KINDS, NUM_KEY_PARTS, bucket_edges, parts_of
from c4pipe.errors import UserError
from c4pipe.shards import names
from c4pipe.shards.manifest import EarlierCorpus, describe_shard
from c4pipe.shards.work.key_files import write_key_file


def hashes(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1 << 64, (count, 2), dtype=np.uint64)


def write(folder, kept: np.ndarray, num_files: int) -> EarlierCrawl:
    """A folder whose keys of lines are in some files."""
    parts = parts_of(kept["high"].astype(np.uint64))
    for number, (first, end) in enumerate(bucket_edges(num_files)):
        inside = (first <= parts) & (parts < end)
        path = str(folder / names.keys("lines", number, num_files))
        write_key_file(path, kept[inside], parts[inside], NUM_KEY_PARTS, deduplication.KEPT_KEY)
    corpus = EarlierCorpus(folder.name, "0" * 64, "0" * 64)
    return EarlierCrawl(str(folder), corpus, {"lines": num_files}, {"lines": len(kept)})


@pytest.mark.parametrize(("block_keys", "num_buckets"), [(1 << 20, 1), (70, 3), (1, 1)])
def test_keys_of_two_crawls_are_found_in_any_order_block_and_bucket(tmp_path, monkeypatch, block_keys, num_buckets):
    monkeypatch.setattr(earlier_crawls, "_BLOCK_KEYS", block_keys)
    first, second, new = hashes(1, 3000), hashes(2, 500), hashes(3, 2000)
    crawls = EarlierCrawls(
        tuple(
            write(tmp_path / str(count), deduplication.kept_keys(had), count)
            for had, count in ((first, 4), (second, 1))
        )
    )
    asked = np.concatenate([new, first[::3], second[::2]])
    asked = asked[np.random.default_rng(4).permutation(len(asked))]
    known = set(map(tuple, np.concatenate([first, second]).tolist()))
    expected = np.array([tuple(pair) in known for pair in asked.tolist()])
    found = np.zeros(len(asked), dtype=bool)
    for bucket in bucket_edges(num_buckets):
        parts = parts_of(asked[:, 0])
        inside = (bucket[0] <= parts) & (parts < bucket[1])
        found[inside] = crawls.have_hashes("lines", asked[inside], bucket)
    assert np.array_equal(found, expected) and found.sum() == 1250
    assert crawls.num_keys("lines") == 3500 and crawls.num_bytes("lines") == 35_000 and crawls.num_keys("urls") == 0


def test_keys_with_the_same_first_64_bits_are_told_apart():
    kept = deduplication.kept_keys(np.array([[7, 1 << 48], [7, 3 << 48], [7, 4 << 48], [9, 0]], np.uint64))
    asked = np.array([[7, 0], [7, 1 << 48], [7, 2 << 48], [7, 4 << 48], [8, 0], [9, 0], [10, 0]], np.uint64)
    assert deduplication.are_kept(asked, kept).tolist() == [False, True, False, True, False, True, False]
    assert not deduplication.are_kept(asked, kept[:0]).any()


def test_a_key_has_80_bits_of_the_md5_and_is_sorted_by_them():
    texts = [f"line {number}" for number in range(100)]
    kept = deduplication.kept_keys(deduplication.line_keys("\n".join([*texts, texts[0]])))
    assert [key.tobytes() for key in kept] == sorted(deduplication.text_key(text)[:10] for text in texts)


def test_all_keys_of_earlier_crawls_lose_and_the_others_compete():
    kind = KINDS["lines"]
    keys = np.concatenate([deduplication.pack_line_keys("a\nb", f"http://{row}", 0, row) for row in range(3)])
    is_a = (keys["line"] == deduplication.line_keys("a")).all(axis=1)
    losers = kind.losers_among(keys, is_a)
    assert losers[losers["earlier"]].tolist() == [(0, row, 0, True) for row in range(3)]
    assert np.array_equal(
        losers[~losers["earlier"]][["file", "row", "index"]], deduplication.pick_line_losers(keys[~is_a])
    )
    assert losers.tolist() == sorted(losers.tolist()) and len(losers) == 5


def test_damaged_key_files_are_found(tmp_path):
    kept = deduplication.kept_keys(hashes(1, 1000))
    crawl = write(tmp_path / "c4", kept, 1)
    shard = describe_shard(str(tmp_path / "c4" / "_keys"), "lines-00000-of-00001.keys", len(kept))
    crawl.check_files("lines", [shard])
    path = tmp_path / "c4" / "_keys" / shard.file
    whole = path.read_bytes()
    path.write_bytes(whole[:-20_000] + bytes([whole[-20_000] ^ 4]) + whole[-19_999:])
    with pytest.raises(UserError, match=r"damaged \(a checksum differs\); restore it, or make .*c4 again"):
        EarlierCrawls((crawl,)).have_hashes("lines", hashes(1, 1000))
    write(tmp_path / "c4", kept[:-1], 1)
    with pytest.raises(UserError, match="not the file that the manifest lists"):
        crawl.check_files("lines", [shard])
    path.unlink()
    with pytest.raises(UserError, match=r"lines-00000-of-00001.keys is damaged \(cannot read .*; restore it"):
        crawl.check_files("lines", [shard])
