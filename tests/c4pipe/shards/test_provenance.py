"""Provenance files: where each row of a text shard came from."""

import pytest

from c4pipe.errors import UserError
from c4pipe.shards.provenance import beside, read_provenance, write_provenance


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
    assert beside("c4-de-validation.00000-of-00002.json.gz") == "provenance-de-validation.00000-of-00002.parquet"
    assert beside("gs://b/mine.jsonl") is None
