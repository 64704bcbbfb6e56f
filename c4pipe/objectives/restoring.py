"""Restores the tokens that an example was made from, given its inputs and targets.

span_corruption, replace_spans   inputs  the <s0> on <s1>      targets  <s0> cat sat <s1> the mat
                                 restored  the cat sat on the mat

Each objective in the catalog names one of these functions, or None if it does not keep the places of its tokens
(`drop_tokens`).
"""

from collections.abc import Callable, Sequence

Restore = Callable[[Sequence[int], Sequence[int], int], list[int]]
"""(inputs, targets, vocabulary size) -> tokens; ids without EOS and padding."""


def targets_alone(inputs: Sequence[int], targets: Sequence[int], vocabulary_size: int) -> list[int]:
    """For objectives whose targets are the whole text."""
    del inputs, vocabulary_size
    return list(targets)


def one_after_the_other(inputs: Sequence[int], targets: Sequence[int], vocabulary_size: int) -> list[int]:
    """For objectives whose targets continue the inputs."""
    del vocabulary_size
    return [*inputs, *targets]


def join_at_sentinels(inputs: Sequence[int], targets: Sequence[int], vocabulary_size: int) -> list[int]:
    """For objectives with unique sentinels: merge the runs between the sentinels of inputs and targets.

    If the text begins with noise, the inputs begin with a sentinel and the targets do not.

    >>> join_at_sentinels([11, 99, 14, 98], [99, 12, 13, 98, 15], 100)
    [11, 12, 13, 14, 15]
    >>> join_at_sentinels([99, 12, 98], [11, 99, 13], 100)
    [11, 12, 13]
    """
    others, noise = _between_sentinels(inputs, vocabulary_size), _between_sentinels(targets, vocabulary_size)
    if inputs and inputs[0] == vocabulary_size - 1:
        first, second = noise, others[1:]
    else:
        first, second = others, noise[1:]
    restored: list[int] = []
    for number in range(max(len(first), len(second))):
        for runs in (first, second):
            restored.extend(runs[number] if number < len(runs) else [])
    return restored


def _between_sentinels(ids: Sequence[int], vocabulary_size: int) -> list[list[int]]:
    """The runs before, between and after the sentinels. Sentinels count down from the end of the vocabulary."""
    runs: list[list[int]] = [[]]
    for token in ids:
        if token == vocabulary_size - len(runs):
            runs.append([])
        else:
            runs[-1].append(token)
    return runs
