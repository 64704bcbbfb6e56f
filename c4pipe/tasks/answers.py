"""Compares short answers, by the official rules of SQuAD 1.1 (also used by ReCoRD) and by T5's rule for WSC."""

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)

# fmt: off
_DETERMINERS = frozenset({
    "a", "an", "few", "her", "his", "each", "every", "many", "much", "my", "our", "some",
    "that", "the", "their", "these", "this", "those", "which", "whose", "your",
})
# fmt: on


def normalize(answer: str) -> str:
    """Lower case, no ASCII punctuation, no articles, single spaces; in this order, as in the official script.

    >>> normalize("The  U.S. (a country)")
    'us country'
    """
    bare = answer.lower().translate(_WITHOUT_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(references: Sequence[str], output: str) -> bool:
    """Whether the output equals a reference once both are normalised."""
    normalized = normalize(output)
    return any(normalize(reference) == normalized for reference in references)


def token_f1(references: Sequence[str], output: str) -> float:
    """The best F1 between the output's tokens and those of a reference, between 0 and 1.

    As in SQuAD 1.1, an empty answer has the score 0, even if the reference is empty too.

    >>> round(token_f1(["the old red house"], "red house!"), 3)
    0.8
    """
    return max((_f1(normalize(reference).split(), normalize(output).split()) for reference in references), default=0.0)


def _f1(reference: list[str], output: list[str]) -> float:
    common = sum((Counter(reference) & Counter(output)).values())
    if not common:
        return 0.0
    precision, recall = common / len(output), common / len(reference)
    return 2 * precision * recall / (precision + recall)


def names_referent(output: str, referent: str) -> bool:
    """Whether an output names the referent (WSC): all words of one are in the other, except case and determiners.

    >>> names_referent("the fuzzy bunny", "Bunny"), names_referent("Bob", "Bob's hat"), names_referent("Tom", "Bob")
    (True, False, False)
    """
    ours, theirs = _content_words(output), _content_words(referent)
    if any("'" in word for word in ours) != any("'" in word for word in theirs):
        return False
    return ours <= theirs or theirs <= ours


def _content_words(text: str) -> set[str]:
    # An output that has only determiners gives one empty word, which no referent has.
    return set(" ".join(word for word in text.strip().lower().split(" ") if word not in _DETERMINERS).split(" "))
