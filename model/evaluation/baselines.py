"""Baselines for fine-tuned models: the most frequent label, and a logistic regression over TF-IDF of words."""

from collections import Counter

from c4pipe.tasks import libraries
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.evaluation.scoring import score_outputs
from model.evaluation.task_sets import TaskSet


def majority_score(train: TaskSet, validation: TaskSet) -> float:
    """The validation score of the label that is most frequent in training."""
    most_frequent = Counter(given[0] for given in train.references).most_common(1)[0][0]
    return score_outputs(validation, [validation.write(most_frequent)] * len(validation)).mean


def logistic_regression_score(train: TaskSet, validation: TaskSet, vocabulary: Vocabulary) -> float:
    """The validation score of scikit-learn's logistic regression over TF-IDF of words and word pairs.

    Raises: UserError if scikit-learn is missing.
    """
    vectorizer = libraries.imported("sklearn.feature_extraction.text").TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b|[^\w\s]"
    )
    regression = libraries.imported("sklearn.linear_model").LogisticRegression(C=10.0, max_iter=1000)
    matrix = vectorizer.fit_transform(_texts(train, vocabulary))
    regression.fit(matrix, [given[0] for given in train.references])
    outputs = regression.predict(vectorizer.transform(_texts(validation, vocabulary)))
    return score_outputs(validation, [validation.write(str(output)) for output in outputs]).mean


def _texts(task_set: TaskSet, vocabulary: Vocabulary) -> list[str]:
    return [vocabulary.decode(ids.tolist()) for ids in task_set.inputs]
