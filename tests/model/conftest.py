"""What the model's tests share."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import torch

from c4pipe.shards import manifest, names
from c4pipe.shards.example_shards import ExampleShardWriter
from c4pipe.shards.schemas import ExampleSchema
from c4pipe.vocabulary.vocabulary import Vocabulary

# Matrices here are tiny. Beside other processes, two OpenMP threads wait for each other longer than they compute:
# the tests of generation took 56 s with two threads and 8 s with one, on two busy cores.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def spiece_model(tmp_path_factory) -> bytes:
    """A SentencePiece model of 200 pieces with T5's special ids."""
    return make_spiece_model()


@pytest.fixture(scope="session")
def vocabulary(spiece_model) -> Vocabulary:
    """220 ids: 200 pieces and 20 sentinels."""
    return Vocabulary(spiece_model, num_extra_ids=20)


@pytest.fixture(scope="session")
def example_folder(tmp_path_factory, spiece_model) -> Path:
    """420 training examples in two shards and 24 for validation, 24 + 12 ids, that a small model can learn from."""
    folder = tmp_path_factory.mktemp("examples")
    return make_example_folder(folder, spiece_model)


@pytest.fixture(scope="session")
def make_examples() -> Callable[..., Path]:
    """make_examples(folder, spiece_model, rows=..., validation=..., seed=...) -> the folder."""
    return make_example_folder


def make_spiece_model() -> bytes:
    random = np.random.default_rng(0)
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    sentences = (
        " ".join("".join(random.choice(syllables, random.integers(1, 4))) for _ in range(12)) for _ in range(400)
    )
    target = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=sentences,
        model_writer=target,
        vocab_size=200,
        model_type="unigram",
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    return target.getvalue()


def make_example_folder(folder: Path, spiece_model: bytes, *, rows=(220, 200), validation=24, seed=0) -> Path:
    """Inputs count up by a step of their own, with a gap; targets are the gap: `<extra_id_0>` and what is missing."""
    random = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    (folder / "spiece.model").write_bytes(spiece_model)
    splits = {}
    for split, counts in (("train", rows), ("validation", (validation,))):
        shards = []
        for index, count in enumerate(counts):
            name = names.example_shard(split, index, len(counts))
            lengths = random.integers(12, 24, count)
            inputs, targets = np.zeros((count, 24), dtype=np.uint16), np.zeros((count, 12), dtype=np.uint16)
            for row, length in enumerate(lengths):
                text = 3 + (random.integers(0, 90) + random.integers(1, 4) * np.arange(length + 6)) % 90
                gap = random.integers(2, length - 4)
                inputs[row, : length - 1] = [*text[:gap], 299, *text[gap + 6 : length + 4]]
                inputs[row, length - 1] = 1
                targets[row, :8] = [299, *text[gap : gap + 6], 1]
            with ExampleShardWriter(str(folder / name), ExampleSchema(24, 12, 300)) as writer:
                writer.write(
                    inputs, targets, row=np.arange(count), token_offset=np.zeros(count), num_pages=np.ones(count)
                )
            shards.append(manifest.describe_shard(str(folder), name, count))
        splits[split] = tuple(shards)
    settings = {"inputs_length": 24, "targets_length": 12, "vocabulary_size": 300, "num_extra_ids": 100, "seed": seed}
    manifest.write(str(folder), manifest.Manifest("examples", splits, settings))
    return folder
