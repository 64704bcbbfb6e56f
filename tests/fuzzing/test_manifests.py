"""Odd manifests of examples, tasks, text and vocabularies: a one-line error, or the same result as the valid one."""

import json
import random
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import odd_file

from c4pipe.shards import manifest, names
from c4pipe.shards.example_shards import ExampleShardWriter
from c4pipe.shards.reading.source_names import parse_source_names
from c4pipe.shards.reading.text_sources import resolve_source
from c4pipe.shards.schemas import ExampleSchema
from c4pipe.shards.stream.example_sources import Source, read_examples
from c4pipe.shards.stream.stream import open_stream
from c4pipe.shards.text_shards import write_text_shard

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def examples(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    shards = []
    for index in range(2):
        name = names.example_shard("train", index, 2)
        with ExampleShardWriter(str(folder / name), ExampleSchema(8, 4, 32100)) as writer:
            rows = np.arange(30)
            ids = (rows[:, None] + np.arange(8) + 2).astype(np.uint16)
            writer.write(ids, ids[:, :4], row=rows, token_offset=rows * 0, num_pages=rows * 0 + 1)
        shards.append(manifest.describe_shard(str(folder), name, 30))
    settings = {"inputs_length": 8, "targets_length": 4, "vocabulary_size": 32100, "num_extra_ids": 100, "replicas": 1}
    statistics = {"counts": {"train": {"examples": 60}}, "text_shards": {shard.file: "c4.json.gz" for shard in shards}}
    inputs = (manifest.Input("c4.json.gz", "0" * 64),)
    made = manifest.Manifest(
        "examples", {"train": tuple(shards)}, settings, inputs, {"spiece.model": "1" * 64}, statistics
    )
    manifest.write(str(folder), made)
    return folder


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("c4")
    splits = {}
    for split in ("train", "validation"):
        name = names.text_shard(split, 0, 1, ".json.gz")
        write_text_shard(str(folder / name), [{"text": "One.", "timestamp": "", "url": "https://a.example"}])
        splits[split] = (manifest.describe_shard(str(folder), name, 1),)
    statistics = {"input_bytes": 9, "pages": 2}
    manifest.write(str(folder), manifest.Manifest("c4", splits, {"variant": "en"}, (), {}, statistics))
    return folder


def test_odd_manifests_of_examples(examples, fuzz):
    path = examples / manifest.FILE_NAME
    good, right = json.loads(path.read_text()), read_examples(Source(str(examples)))

    def attempt(draw: random.Random) -> bool:
        path.write_bytes(odd_file(good, draw))
        found = read_examples(Source(str(examples)))
        rows = {
            tuple(row) for row in right.inputs.tolist()
        }  # a manifest may leave a shard out, and make lengths longer
        assert {tuple(row) for row in found.inputs[:, :8].tolist()} <= rows and not found.inputs[:, 8:].any()
        next(open_stream([Source(str(examples))], seed=0, batch_size=4, num_threads=1).batches())
        return True

    try:
        fuzz(attempt)
    finally:
        path.write_text(json.dumps(good))


def test_odd_manifests_of_text(text, fuzz):
    path = text / manifest.FILE_NAME
    good = json.loads(path.read_text())

    def attempt(draw: random.Random) -> bool:
        path.write_bytes(odd_file(good, draw))
        manifest.read(str(text))
        (source,) = parse_source_names(str(text))
        found = resolve_source(source)
        assert all(Path(shard).parent == text for shard in found)
        manifest.known_digests(found)
        return True

    try:
        fuzz(attempt)
    finally:
        path.write_text(json.dumps(good))
