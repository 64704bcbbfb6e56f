"""Folders of small examples, whose ids tell their places."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from c4pipe.shards import manifest, names
from c4pipe.shards.example_shards import ExampleShardWriter
from c4pipe.shards.schemas import ExampleSchema

INPUTS_LENGTH, TARGETS_LENGTH, VOCABULARY_SIZE = 8, 4, 32100


def example(example_id: int | np.ndarray, salt: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (n, 8) and targets (n, 4) of examples, made from their ids alone."""
    ids = np.atleast_1d(example_id)[:, None]
    inputs = 2 + (ids * 8 + np.arange(INPUTS_LENGTH - 1) + salt) % 30_000
    targets = 2 + (ids * 7 + np.arange(TARGETS_LENGTH - 1) * 3 + salt) % 30_000
    end = np.ones_like(ids)
    return np.concatenate([inputs, end], axis=1), np.concatenate([targets, end], axis=1)


def write_folder(folder: Path, rows, *, salt=0, splits=("train",), kind="examples", settings=None, spiece="a") -> Path:
    """An example folder with `rows` examples in its shards; ids count on over the shards of a split."""
    described = {}
    folder.mkdir(parents=True, exist_ok=True)
    for split in splits:
        first, shards = 0, []
        for index, count in enumerate(rows):
            name = names.example_shard(split, index, len(rows))
            schema = ExampleSchema(INPUTS_LENGTH, TARGETS_LENGTH, VOCABULARY_SIZE, task=kind == "tasks")
            with ExampleShardWriter(str(folder / name), schema) as writer:
                inputs, targets = example(np.arange(first, first + count), salt)
                where = {name: np.zeros(count) for name in ("row", "token_offset", "num_pages")}
                task = {"task": [split] * count, "references": [["yes"]] * count} if kind == "tasks" else {}
                writer.write(inputs, targets, **where, **task)
            shards.append(manifest.describe_shard(str(folder), name, count))
            first += count
        described[split] = tuple(shards)
    lengths = {"inputs_length": INPUTS_LENGTH, "targets_length": TARGETS_LENGTH, "vocabulary_size": VOCABULARY_SIZE}
    assets = {"spiece.model": hashlib.sha256(spiece.encode()).hexdigest()}
    made = manifest.Manifest(kind, described, {**lengths, **(settings or {})}, assets=assets)
    manifest.write(str(folder), made)
    return folder


@pytest.fixture(scope="session")
def folder_of():
    """`write_folder`."""
    return write_folder


@pytest.fixture(scope="session")
def example_of():
    """`example`."""
    return example


@pytest.fixture(scope="session")
def two_epoch_folder(tmp_path_factory) -> Path:
    """Nine shards of uneven sizes, one of them empty, 9,473 examples: more than one window and group."""
    return write_folder(tmp_path_factory.mktemp("examples"), [1024, 1500, 1, 0, 2047, 3000, 77, 1024, 800])
