"""The fields of a task's inputs: what stands in a corpus is a premise or a question, not T5's words around them."""

from collections import Counter
from collections.abc import Sequence


def labels_of(inputs: Sequence[str]) -> frozenset[str]:
    """The words with a colon behind them that all inputs of a task have: its labels.

    >>> labels_of(["cola sentence: At 5: go.", "cola sentence: Cats purr."])
    frozenset({'sentence:'})
    """
    counts = Counter(word for text in inputs for word in {word for word in text.split() if word.endswith(":")})
    return frozenset(word for word, count in counts.items() if count == len(inputs))


def split_fields(text: str, labels: frozenset[str]) -> list[str]:
    """The texts behind the labels of an input; what stands before the first label is the task's name.

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
