"""Scores that need no network: the most frequent label, and a logistic regression."""

from collections.abc import Sequence

from c4pipe.split_names import TRAIN, VALIDATION
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.data.task_sources import task_sources
from model.evaluation import baselines
from model.evaluation.task_sets import read_task_sets
from model.experiments.inputs import Column


def reference_scores(columns: Sequence[Column], vocabulary: Vocabulary) -> dict[str, dict[str, float]]:
    """Column -> reference -> score on validation, for the columns that are a single task with labels."""
    found = {}
    for column in columns:
        if len(column.tasks) > 1:
            continue
        (train,) = read_task_sets(task_sources(column.train, TRAIN), vocabulary, split=TRAIN)
        (validation,) = read_task_sets(task_sources(column.validation, VALIDATION), vocabulary, split=VALIDATION)
        if train.task.labels:
            found[column.name] = {
                "most frequent label": baselines.majority_score(train, validation),
                "logistic regression over TF-IDF": baselines.logistic_regression_score(train, validation, vocabulary),
            }
    return found
