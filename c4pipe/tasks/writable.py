"""Rewrites references into the form that a vocabulary can write, so that an output can equal them.

A vocabulary turns rare letters into `<unk>`, line breaks and double blanks into one blank, and normalises many
characters (NFKC). No output can equal a reference with such characters literally.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

References = Sequence[Sequence[str]]
Write = Callable[[str], str]


def written(metric: str, references: References, write: Write) -> References:
    """A metric's references, with `write` applied only to the texts that outputs are compared with.

    >>> written("accuracy", [("a\\nb",)], lambda text: text.replace("\\n", " "))
    [('a b',)]
    >>> written("multirc", [("True", "which\\nquestion")], lambda text: text.replace("\\n", " "))
    [('True', 'which\\nquestion')]
    """
    return [_OF_METRIC.get(metric, _all)(given, write) for given in references]


def pieces_of(references: References) -> Iterable[str]:
    """All texts to which `written` may apply `write`: the references and each of their lines."""
    for given in references:
        for text in given:
            yield text
            if "\n" in text:
                yield from text.split("\n")


def num_unwritable(metrics: Sequence[str], references: References, write: Write) -> int:
    """The number of examples with a reference that a metric does not compare literally."""
    forms = [written(metric.partition("@")[0], references, write) for metric in metrics]
    return sum(any(tuple(form[number]) != tuple(given) for form in forms) for number, given in enumerate(references))


def differing_forms(texts: Sequence[str], forms: Sequence[str], unknown: str) -> tuple[dict[str, str], int]:
    """(text -> its written form, if it differs; the number of texts that the vocabulary cannot tell from others).

    forms: the written forms of `texts`, which are all different. unknown: the written form of an unknown piece. Texts
    whose forms are equal and have unknown pieces are left out: otherwise the same output would be right for two labels.

    >>> differing_forms(["a{", "b", "c  d", "{", "}"], ["a ?", "b", "c d", "?", "?"], unknown="?")
    ({'a{': 'a ?', 'c  d': 'c d'}, 2)
    """
    counts = Counter(forms)
    indistinct = {form for form, count in counts.items() if count > 1 and unknown in form}
    different = {text: form for text, form in zip(texts, forms, strict=True) if form != text and form not in indistinct}
    return different, sum(counts[form] for form in indistinct)


def _all(given: Sequence[str], write: Write) -> tuple[str, ...]:
    return tuple(map(write, given))


def _first(given: Sequence[str], write: Write) -> tuple[str, ...]:
    return write(given[0]), *given[1:]


def _all_but_the_first(given: Sequence[str], write: Write) -> tuple[str, ...]:
    return given[0], *map(write, given[1:])


def _line_by_line(given: Sequence[str], write: Write) -> tuple[str, ...]:
    # To ROUGE, the end of a line is the end of a sentence; other white space does not matter.
    return tuple("\n".join(map(write, text.split("\n"))) for text in given)


def _literal(given: Sequence[str], write: Write) -> tuple[str, ...]:
    del write
    return tuple(given)


_OF_METRIC: dict[str, Callable[[Sequence[str], Write], tuple[str, ...]]] = {
    "multirc": _first,  # the label, then the question's key
    "record": _all_but_the_first,  # the query's key, then answers
    "wsc": _first,  # the noun, then whether the pronoun means it
    "rouge": _line_by_line,
    "pearson": _literal,  # numbers
    "spearman": _literal,
}
