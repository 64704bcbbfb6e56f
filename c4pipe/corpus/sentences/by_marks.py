"""Counts sentences only by their end marks, for languages without Punkt parameters."""

import re
from collections.abc import Sequence
from itertools import islice

# After an end mark, these characters still belong to the sentence.
_CLOSING = r"""["'”’»›)\]}」』）】〉》]*"""


class MarkCounter:
    """Counts the sentences of texts, with the same methods as `SentenceCounter`.

    ends: marks that end a sentence. needs_blank: whether a mark counts only before a blank or the end of a line,
    because a period also occurs in numbers. shortest: if there are no marks, a part between blanks with at least this
    many characters counts as a sentence, because Thai and Lao have blanks between sentences, but not between words.
    """

    def __init__(self, ends: Sequence[str], needs_blank: bool, shortest: int = 0) -> None:
        self._parameters = (tuple(ends), needs_blank, shortest)
        self._shortest = shortest
        self._expression = None
        if ends:
            marks = "[" + "".join(map(re.escape, ends)) + "]"
            behind = r"(?=\s|$)" if needs_blank else ""
            # A sentence goes from a character that is not a blank to an end mark, or to the end of the line.
            self._expression = re.compile(rf"\S[^\n]*?(?:{marks}+{_CLOSING}{behind}|(?=\n|$))")

    def __reduce__(self):
        return (MarkCounter, self._parameters)

    def count(self, text: str, up_to: int | None = None) -> int:
        """The number of sentences of `text`. With `up_to`, counting stops at that number.

        >>> MarkCounter("。！？", needs_blank=False).count("「行く。」と言った。雨だ\\n本当？")
        4
        """
        if self._expression is None:
            found = (part for part in text.split() if len(part) >= self._shortest)
            return sum(1 for _ in islice(found, up_to))
        return sum(1 for _ in islice(self._expression.finditer(text), up_to))
