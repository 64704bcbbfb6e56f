"""Provenance files: the origin of each row of a text shard."""

import pytest

from c4pipe.errors import UserError
from c4pipe.shards.provenance import find, places, read_provenance, write_provenance


def test_origins_come_back_and_bytes_are_the_same_twice(tmp_path):
    origins = [("b.warc.wet.gz", 3), ("a.warc.wet.gz", 70_000), ("b.warc.wet.gz", 4)] * 100
    for name in ("one.parquet", "two.parquet"):
        assert write_provenance(str(tmp_path / name), origins) == 300
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert read_provenance(str(tmp_path / "one.parquet")) == origins


def test_a_shard_without_rows_has_an_empty_file(tmp_path):
    write_provenance(str(tmp_path / "none.parquet"), [])
    assert read_provenance(str(tmp_path / "none.parquet")) == []


def test_damage_is_named(tmp_path):
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(UserError, match=r"bad\.parquet is damaged"):
        read_provenance(str(tmp_path / "bad.parquet"))


def test_only_text_shards_of_c4_have_one():
    name = "provenance-de-validation.00000-of-00002.parquet"
    assert places("c4-de-validation.00000-of-00002.json.gz") == (f"./_provenance/{name}", f"./{name}")
    assert places("gs://b/mine.jsonl") == ()


def test_it_is_also_found_at_the_path_of_older_versions(tmp_path):
    shard = str(tmp_path / "c4-train.00000-of-00001.json.gz")
    assert find(shard) is None
    older, newer = (tmp_path / part / "provenance-train.00000-of-00001.parquet" for part in ("", "_provenance"))
    write_provenance(str(older), [("a.wet.gz", 1)])
    assert find(shard) == str(older)
    write_provenance(str(newer), [("a.wet.gz", 1)])
    assert find(shard) == str(newer)
