"""Counting sentences by their end marks alone, in languages that Punkt has no parameters for."""

import re
from collections.abc import Sequence
from itertools import islice

# Behind an end mark, these still belong to the sentence.
_CLOSING = r"""["'”’»›)\]}」』）】〉》]*"""


class MarkCounter:
    """Counts the sentences of texts; the same methods as `SentenceCounter`.

    ends: marks that end a sentence. needs_blank: whether a mark counts only before a blank or a line's end, as a period
    does, which also stands in numbers. shortest: without any marks, a stretch between blanks of so many characters
    counts as a sentence: Thai and Lao write a blank between sentences, and none between words.
    """

    def __init__(self, ends: Sequence[str], needs_blank: bool, shortest: int = 0) -> None:
        self._parameters = (tuple(ends), needs_blank, shortest)
        self._shortest = shortest
        self._expression = None
        if ends:
            marks = "[" + "".join(map(re.escape, ends)) + "]"
            behind = r"(?=\s|$)" if needs_blank else ""
            # A sentence: something that is no blank, up to an end mark, or up to the end of its line.
            self._expression = re.compile(rf"\S[^\n]*?(?:{marks}+{_CLOSING}{behind}|(?=\n|$))")

    def __reduce__(self):
        return (MarkCounter, self._parameters)

    def count(self, text: str, up_to: int | None = None) -> int:
        """The number of sentences of `text`; with `up_to`, that number at most, without reading further.

        >>> MarkCounter("。！？", needs_blank=False).count("「行く。」と言った。雨だ\\n本当？")
        4
        """
        if self._expression is None:
            found = (part for part in text.split() if len(part) >= self._shortest)
            return sum(1 for _ in islice(found, up_to))
        return sum(1 for _ in islice(self._expression.finditer(text), up_to))
