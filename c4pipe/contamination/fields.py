"""Splits a task's inputs into fields, because a corpus may contain a premise or a question, but not T5's labels."""

from collections import Counter
from collections.abc import Sequence


def labels_of(inputs: Sequence[str]) -> frozenset[str]:
    """The labels of a task: words ending in a colon that all its inputs have.

    >>> labels_of(["cola sentence: At 5: go.", "cola sentence: Cats purr."])
    frozenset({'sentence:'})
    """
    counts = Counter(word for text in inputs for word in {word for word in text.split() if word.endswith(":")})
    return frozenset(word for word, count in counts.items() if count == len(inputs))


def split_fields(text: str, labels: frozenset[str]) -> list[str]:
    """The texts after the labels of an input. The text before the first label is the task's name, and is left out.

    >>> split_fields("rte sentence1: Cats purr. sentence2: Do they?", frozenset({"sentence1:", "sentence2:"}))
    ['Cats purr.', 'Do they?']
    >>> split_fields("No label here", frozenset())
    ['No label here']
    """
    if not labels:
        return [text]
    fields: list[list[str]] = []
    for word in text.split():
        if word in labels:
            fields.append([])
        elif fields:
            fields[-1].append(word)
    return [" ".join(words) for words in fields if words]
