"""Random examples with the size and compressibility of pre-corrupted English text, for benchmarks without a corpus."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from c4pipe.shards import manifest, names
from c4pipe.shards.example_shards import ExampleShardWriter
from c4pipe.shards.schemas import ExampleSchema

INPUTS_LENGTH, TARGETS_LENGTH, TOKENS_LENGTH, VOCABULARY_SIZE = 512, 114, 568, 32_100


def examples(num_examples: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (n, 512) and targets (n, 114), uint16, with ids as frequent as pieces in English text.

    With a Zipf-Mandelbrot law with offset 10, they are compressed to 1.5-1.8 bytes per raw token, like C4.
    """
    random = np.random.default_rng(seed)
    frequency = 1 / np.arange(10, VOCABULARY_SIZE - 103)
    reached = np.cumsum(frequency) / frequency.sum()
    pair = []
    for length in (INPUTS_LENGTH, TARGETS_LENGTH):
        ids = (3 + np.searchsorted(reached, random.random((num_examples, length)))).astype(np.uint16)
        ids[:, -1] = 1
        pair.append(ids)
    return pair[0], pair[1]


def write_examples(folder: Path, num_shards: int, rows: int) -> None:
    """Write a folder of examples with the lengths of span corruption."""
    if manifest.exists(str(folder)):
        return
    shards = []
    for index, (inputs, targets) in enumerate(_parts(num_shards, rows)):
        name = names.example_shard("train", index, num_shards)
        schema = ExampleSchema(INPUTS_LENGTH, TARGETS_LENGTH, VOCABULARY_SIZE)
        with ExampleShardWriter(str(folder / name), schema) as writer:
            places = np.arange(rows)
            writer.write(inputs, targets, row=places, token_offset=places % 900, num_pages=1 + places % 2)
        shards.append(manifest.describe_shard(str(folder), name, rows))
    settings = {
        "objective": "span_corruption",
        "tokens_length": TOKENS_LENGTH,
        "inputs_length": INPUTS_LENGTH,
        "targets_length": TARGETS_LENGTH,
        "vocabulary_size": VOCABULARY_SIZE,
    }
    manifest.write(str(folder), manifest.Manifest("examples", {"train": tuple(shards)}, settings))


# The lengths of a mixture of twelve tasks (GLUE, translation, SQuAD, ...) at these shares of its examples.
_SHARES = (0.0, 0.5, 0.9, 0.99, 1.0)
_INPUTS_LENGTHS, _TARGETS_LENGTHS = (6, 22, 60, 95, 176), (2, 2, 25, 44, 89)


def write_short_examples(folder: Path, num_examples: int) -> None:
    """Write a folder of examples that are as short as those of tasks, padded to 512 inputs and 114 targets."""
    splits = {}
    for seed, (split, rows) in enumerate((("train", num_examples), ("validation", 256))):
        pair = examples(rows, seed)
        random = np.random.default_rng(seed)
        for ids, lengths in zip(pair, (_INPUTS_LENGTHS, _TARGETS_LENGTHS), strict=True):
            last = np.interp(random.random(rows), _SHARES, lengths).astype(np.int64) - 1
            ids[np.arange(ids.shape[1]) > last[:, None]] = 0
            ids[np.arange(rows), last] = 1
        name = names.example_shard(split, 0, 1)
        schema = ExampleSchema(INPUTS_LENGTH, TARGETS_LENGTH, VOCABULARY_SIZE)
        with ExampleShardWriter(str(folder / name), schema) as writer:
            places = np.arange(rows)
            writer.write(*pair, row=places, token_offset=places, num_pages=places * 0 + 1)
        splits[split] = (manifest.describe_shard(str(folder), name, rows),)
    settings = {
        "objective": "none",
        "inputs_length": INPUTS_LENGTH,
        "targets_length": TARGETS_LENGTH,
        "vocabulary_size": VOCABULARY_SIZE,
    }
    manifest.write(str(folder), manifest.Manifest("examples", splits, settings))


def _parts(num_shards: int, rows: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for index in range(num_shards):
        yield examples(rows, seed=index)


def folder_bytes(folder: Path) -> int:
    """The total size of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
