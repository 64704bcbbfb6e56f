"""What the tests of searches share: a corpus, and a function that makes inputs."""

import json
from pathlib import Path

import numpy as np
import pytest

from c4pipe.vocabulary.vocabulary import Vocabulary
from model.experiments.inputs import Inputs, find_columns, find_corpora


@pytest.fixture(scope="session")
def corpus_file(tmp_path_factory) -> Path:
    """100 pages of the words of `task_folder`."""
    random = np.random.default_rng(3)
    words = ["a", "film", "this", "that", "was", "it", "of", "the", "and", "plot", "good", "bad", "0", "1", "2"]
    path = tmp_path_factory.mktemp("corpus") / "pages.jsonl"
    pages = ({"text": " ".join(random.choice(words, 40)), "url": f"http://a.example/{n}"} for n in range(100))
    path.write_text("".join(json.dumps(page) + "\n" for page in pages))
    return path


@pytest.fixture(scope="session")
def inputs(corpus_file, task_folder) -> Inputs:
    """The corpus as `c4`, and the columns mine and glue (sst2)."""
    vocabulary = Vocabulary.load(str(task_folder))
    return Inputs(
        columns=find_columns(str(task_folder), vocabulary, together=True),
        corpora=find_corpora([str(corpus_file)], ["c4"]),
        vocabulary=vocabulary,
        vocabulary_folder=str(task_folder),
    )
