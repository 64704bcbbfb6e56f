"""What the model's tests share."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from c4pipe.shards import manifest, names
from c4pipe.shards.example_shards import ExampleShardWriter
from c4pipe.shards.schemas import ExampleSchema
from c4pipe.vocabulary.vocabulary import Vocabulary

# The helpers beside this file are imported by name, too, by the tests of this folder.
sys.path.insert(0, str(Path(__file__).parent))

# Matrices here are tiny. Beside other processes, two OpenMP threads wait for each other longer than they compute:
# the tests of generation took 56 s with two threads and 8 s with one, on two busy cores.
torch.set_num_threads(1)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """The same random numbers in every run: those of torch would otherwise depend on which tests ran before."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def sharding_on_cpus() -> None:
    """Skips a test of `--parallel=fsdp` or `hsdp` where PyTorch is too old for it on CPUs; on GPUs 2.6 is enough."""
    if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 7):
        pytest.skip(f"gloo of PyTorch {torch.__version__} cannot average gradients")


@pytest.fixture(scope="session")
def spiece_model(spiece_of) -> bytes:
    """A SentencePiece model of 200 pieces with T5's special ids."""
    random = np.random.default_rng(0)
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    sentences = (
        " ".join("".join(random.choice(syllables, random.integers(1, 4))) for _ in range(12)) for _ in range(400)
    )
    return spiece_of(sentences, 200, hard_vocab_limit=True)


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


@pytest.fixture(scope="session")
def theirs_of(tmp_path_factory) -> Callable[..., Any]:
    """theirs_of(our model) -> `transformers.T5ForConditionalGeneration` with its weights, in evaluation mode.

    By way of a folder: from version 5 on, only loading one leaves the two embeddings of T5 1.1 apart.
    """
    import safetensors.torch
    import transformers

    from model.checkpoints import hugging_face
    from model.checkpoints.hugging_face_export import write_config

    def load(ours):
        folder = tmp_path_factory.mktemp("theirs")
        write_config(str(folder), ours.config)
        weights = hugging_face.their_weights(ours.config, ours.state_dict())
        safetensors.torch.save_file(weights, folder / hugging_face.WEIGHTS_FILE, metadata={"format": "pt"})
        theirs, report = transformers.T5ForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
        assert not (report["missing_keys"] or report["unexpected_keys"] or report["mismatched_keys"])
        return theirs.eval()

    return load


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


@pytest.fixture(scope="session")
def task_folder(tmp_path_factory, spiece_of) -> Path:
    """As tasks_to_examples makes it: 60 + 12 examples of sst2, 40 + 8 of `mine`, with a vocabulary of words.

    Sentences with a good or a bad word in them (sst2), and numbers to be copied (mine).
    """
    folder = tmp_path_factory.mktemp("tasks")
    random = np.random.default_rng(1)
    words = ["a", "film", "this", "that", "was", "it", "of", "the", "and", "plot", "actor", "scene"]
    texts = [" ".join(random.choice([*words, "good", "bad", "0", "1", "2"], 12)) for _ in range(300)]
    spiece_model = spiece_of([*texts, *["sst2 sentence: positive negative", "mine number:"] * 50], 90)
    (folder / "spiece.model").write_bytes(spiece_model)
    vocabulary = Vocabulary(spiece_model, num_extra_ids=10)
    splits = {}
    for task, split, count in (
        ("sst2", "train", 60),
        ("sst2", "validation", 12),
        ("mine", "train", 40),
        ("mine", "validation", 8),
    ):
        examples = []
        for number in range(count):
            sentence = list(random.choice(words, random.integers(2, 9)))
            if task == "sst2":
                sentence.insert(int(random.integers(0, len(sentence))), ("bad", "good")[number % 2])
                examples.append((f"sst2 sentence: {' '.join(sentence)}", ("negative", "positive")[number % 2]))
            else:
                digits = " ".join(random.choice(["0", "1", "2"], 3))
                examples.append((f"mine number: {digits}", digits))
        name = names.example_shard(f"{task}-{split}", 0, 1)
        schema = ExampleSchema(32, 16, vocabulary.size, fixed_inputs=False, fixed_targets=False, task=True)
        with ExampleShardWriter(str(folder / name), schema) as writer:
            writer.write(
                [[*vocabulary.encode(inputs), 1] for inputs, _ in examples],
                [[*vocabulary.encode(targets), 1] for _, targets in examples],
                row=np.arange(count),
                token_offset=np.zeros(count),
                num_pages=np.ones(count),
                task=[task] * count,
                references=[[targets] for _, targets in examples],
            )
        splits[f"{task}-{split}"] = (manifest.describe_shard(str(folder), name, count),)
    settings = {"inputs_length": 32, "targets_length": 16, "vocabulary_size": vocabulary.size, "num_extra_ids": 10}
    manifest.write(str(folder), manifest.Manifest("tasks", splits, settings))
    return folder


@pytest.fixture(scope="session")
def base_run(tmp_path_factory, task_folder) -> Path:
    """A run of a small model of three layers, with one checkpoint, that was never trained."""
    from model.architectures.catalog import build_model
    from model.architectures.config import ModelConfig
    from model.checkpoints import step_folder
    from model.checkpoints.run_folder import RunFolder

    vocabulary = Vocabulary.load(str(task_folder))
    config = ModelConfig(
        vocabulary_size=vocabulary.embedding_rows, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=3
    )
    folder = RunFolder(str(tmp_path_factory.mktemp("base")))
    folder.write_vocabulary(vocabulary.model)
    folder.write({"status": "finished", "model": config.to_json(), "num_extra_ids": 10, "settings": {"steps": 1}})
    weights = dict(build_model(config, seed=5).named_parameters())
    step_folder.write(folder.checkpoints, step_folder.State(1, 8), weights, None)
    return folder.path
