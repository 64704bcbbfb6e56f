"""SQuAD 1.1 (Rajpurkar et al. 2016) as text to text: `t5/data/preprocessors.py`, `squad`.

Records are flat, or SQuAD's own file, one JSON object with all articles. Questions of SQuAD 2 that have no answer in
their context are no examples of SQuAD 1.1, whose metric knows no such answer: they are dropped and counted.
"""

import re
import string
from typing import Any

from c4pipe.tasks.task import Dropped, MalformedRecord, Record, Task, TextExample, example_of, field, text

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
    fault: MalformedRecord = Dropped("unanswerable", "the question has no answer in its context")
    try:
        answers = [pad_punctuation(answer) for answer in _answers(field(record, "answers"))]
    except MalformedRecord as error:
        if error.reason != "missing_field":
            raise
        fault, answers = error, []
    question, context = pad_punctuation(text(record, "question")), pad_punctuation(text(record, "context"))
    inputs = _SPACES.sub(" ", f"question: {question} context: {context}")
    if not answers:
        return [example_of(inputs, fault, record)]
    return [TextExample(inputs, answers[0], tuple(answers))]


def questions_of_file(record: Record) -> list[Record]:
    """The questions of SQuAD's own file: `data`, its articles, their paragraphs, their questions.

    >>> paragraph = {"context": "Ann won.", "qas": [{"id": "1", "question": "Who won?", "answers": [{"text": "Ann"}]}]}
    >>> questions_of_file({"version": "1.1", "data": [{"title": "T", "paragraphs": [paragraph]}]})
    [{'id': '1', 'question': 'Who won?', 'answers': [{'text': 'Ann'}], 'context': 'Ann won.', 'title': 'T'}]
    >>> questions_of_file({"question": "Who won?"})
    [{'question': 'Who won?'}]

    Raises: MalformedRecord if `data` is not what SQuAD has there.
    """
    if not isinstance(record.get("data"), list) or "question" in record:
        return [record]
    try:
        return [
            {**question, "context": paragraph["context"], "title": article.get("title")}
            for article in record["data"]
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        ]
    except (TypeError, KeyError, AttributeError) as error:
        raise MalformedRecord("bad_field", f"'data' is not as in SQuAD's own files: {error}") from None


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


TASKS: dict[str, Task] = {"squad": Task("squad", "squad", "squad", squad, ("squad",), unfold=questions_of_file)}
