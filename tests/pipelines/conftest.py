"""A small crawl, and a small C4 with its vocabulary and examples, made once for each file of tests that asks."""

from pathlib import Path

import numpy as np
import pytest
from small_corpus import ONE_PROCESS, examples_of, write_folder
from small_crawl import write_crawl, write_punkt

from pipelines import c4_to_examples, c4_to_vocabulary


@pytest.fixture(scope="module")
def crawl(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("crawl")
    write_crawl(folder / "wet")
    write_punkt(folder / "punkt")
    return folder


@pytest.fixture(scope="module")
def c4(tmp_path_factory):
    random = np.random.default_rng(0)
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    words = ["".join(random.choice(syllables, random.integers(1, 4))) for _ in range(900)]
    texts = [" ".join(random.choice(words, length)) for length in random.integers(5, 300, 260)]
    splits = {"train": [texts[:100], texts[100:180], texts[180:240]], "validation": [texts[240:]]}
    return write_folder(tmp_path_factory.mktemp("made") / "en", splits)


@pytest.fixture(scope="module")
def vocabulary(c4, tmp_path_factory):
    output = tmp_path_factory.mktemp("made") / "vocabulary"
    arguments = [f"--input={c4}", f"--output={output}", "--num_pieces=300", "--num_extra_ids=50", *ONE_PROCESS]
    assert c4_to_vocabulary.main(arguments) == 0
    return output


@pytest.fixture(scope="module")
def examples(c4, vocabulary, tmp_path_factory):
    output = tmp_path_factory.mktemp("made") / "examples"
    assert c4_to_examples.main(examples_of(c4, vocabulary, output)) == 0
    return output
