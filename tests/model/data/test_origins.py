import json
from pathlib import Path

import numpy as np
import pytest

from c4pipe.shards import manifest, names
from c4pipe.shards.example_shards import ExampleShardWriter
from c4pipe.shards.manifest import Input, Manifest
from c4pipe.shards.schemas import ExampleSchema
from c4pipe.shards.stream.stream import Source, open_stream
from c4pipe.shards.text_shards import write_text_shard
from model.data.origins import describe_batch


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """A text folder of one shard with 10 pages, and examples of it: example i covers pages i and i + 1."""
    text, examples = tmp_path / "c4", tmp_path / "examples"
    text.mkdir()
    examples.mkdir()
    name = names.text_shard("train", 0, 1, ".json.gz")
    pages = [{"text": f"page {n}", "timestamp": "2019-04-20T00:00:00Z", "url": f"http://a/{n}"} for n in range(10)]
    write_text_shard(str(text / name), pages, "json.gz")
    shard = manifest.describe_shard(str(text), name, 10)
    manifest.write(str(text), Manifest("c4", {"train": (shard,)}, {}))
    made = names.example_shard("train", 0, 1)
    schema = ExampleSchema(4, 3, 300, metadata={"text_shard": name})
    with ExampleShardWriter(str(examples / made), schema) as writer:
        ids = np.full((8, 4), 5, dtype=np.uint16)
        writer.write(ids, ids[:, :3], row=np.arange(8), token_offset=np.zeros(8), num_pages=np.full(8, 2))
    described = manifest.describe_shard(str(examples), made, 8)
    settings = {"inputs_length": 4, "targets_length": 3, "vocabulary_size": 300}
    manifest.write(
        str(examples), Manifest("examples", {"train": (described,)}, settings, inputs=(Input(name, shard.sha256),))
    )
    return text, examples


def test_the_urls_of_a_batch_are_found_in_the_text_beside_it(folders):
    _, examples = folders
    stream = open_stream([Source(str(examples))], seed=1, batch_size=4)
    records = describe_batch(stream, 4)
    assert len(records) == 4
    for record in records:
        row = record["row"]
        assert record["shard"] == "train-00000-of-00001.arrow" and record["example_id"] == row
        assert record["urls"] == [f"http://a/{row}", f"http://a/{row + 1}"]
    expected = next(iter(stream.batches(4))).example_id.tolist()
    assert [record["example_id"] for record in records] == expected
    json.dumps(records)


def test_without_the_text_shard_and_rows_are_named(folders, tmp_path):
    text, examples = folders
    text.rename(tmp_path.parent / f"{tmp_path.name}-elsewhere")
    (record, *_) = describe_batch(open_stream([Source(str(examples))], seed=1, batch_size=4), 0)
    assert "urls" not in record
    assert record["text_shard"] == "c4-train.00000-of-00001.json.gz" and record["num_pages"] == 2


def test_a_text_shard_that_is_not_the_manifests_gives_no_urls_and_says_so(folders):
    text, examples = folders
    (shard,) = text.glob("*.json.gz")
    write_text_shard(str(shard), [{"text": "other", "timestamp": "", "url": "http://b/0"}] * 10, "json.gz")
    (record, *_) = describe_batch(open_stream([Source(str(examples))], seed=1, batch_size=4), 0)
    assert "urls" not in record and "is not what its folder's manifest says" in record["no_urls"]
