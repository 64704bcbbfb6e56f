"""SQuAD 1.1 (Rajpurkar et al. 2016) as text to text: `t5/data/preprocessors.py`, `squad`."""

import re
import string
from typing import Any

from c4pipe.tasks.task import MalformedRecord, Record, Task, TextExample, Unlabelled, field, text

_PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")
# As the reference's regular expressions: ASCII white space only.
_SPACES = re.compile(r"[\t\n\f\r ]+")


def squad(record: Record) -> list[TextExample]:
    """Question and context in, the first answer out; all answers are references. Punctuation is padded with spaces.

    >>> one = squad({"question": "Who won?", "context": "Ann (8) won.", "answers": {"text": ["Ann", "Ann (8)"]}})[0]
    >>> one.inputs
    'question: Who won ? context: Ann ( 8 ) won . '
    >>> one.targets, one.references
    ('Ann', ('Ann', 'Ann ( 8 ) '))
    """
    answers = [pad_punctuation(answer) for answer in _answers(field(record, "answers"))]
    if not answers:
        raise Unlabelled
    question, context = pad_punctuation(text(record, "question")), pad_punctuation(text(record, "context"))
    inputs = _SPACES.sub(" ", f"question: {question} context: {context}")
    return [TextExample(inputs, answers[0], tuple(answers))]


def pad_punctuation(sentence: str) -> str:
    """Spaces around every ASCII punctuation mark, runs of white space as one space.

    >>> pad_punctuation("U.S.  dollars")
    'U . S . dollars'
    """
    return _SPACES.sub(" ", _PUNCTUATION.sub(r" \1 ", sentence))


def _answers(value: Any) -> list[str]:
    """The texts of `{"text": [...]}` (Hugging Face, TFDS), `[{"text": ...}]` (SQuAD's own file) or a list of texts."""
    found: Any = value.get("text") if isinstance(value, dict) else value
    found = [found] if isinstance(found, str) else found
    try:
        answers = [one["text"] if isinstance(one, dict) else one for one in found]
    except (TypeError, KeyError):
        answers = [None]
    if not all(isinstance(answer, str) for answer in answers):
        raise MalformedRecord("bad_field", "'answers' holds no texts")
    return answers


TASKS: dict[str, Task] = {"squad": Task("squad", "squad", "squad", squad, ("squad",))}
