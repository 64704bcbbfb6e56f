"""SQuAD 1.1 (Rajpurkar et al. 2016) in text-to-text form: `t5/data/preprocessors.py`, `squad`.

Records are flat, or the file is SQuAD's own: one JSON object with all articles. Questions of SQuAD 2 without an answer
in their context are dropped and counted, because the metric of SQuAD 1.1 has no such answer.
"""

import re
import string
from typing import Any

from c4pipe.tasks.task import Dropped, MalformedRecord, Record, Task, TextExample, example_of, field, text

_PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")
# ASCII white space only, as in the reference's regular expressions.
_SPACES = re.compile(r"[\t\n\f\r ]+")


def squad(record: Record) -> list[TextExample]:
    """Inputs: question and context. Targets: the first answer. References: all answers. Punctuation gets spaces around.

    >>> made = squad({"question": "Who won?", "context": "Ann (8) won.", "answers": {"text": ["Ann", "Ann (8)"]}})[0]
    >>> made.inputs
    'question: Who won ? context: Ann ( 8 ) won . '
    >>> made.targets, made.references
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
    """The questions in SQuAD's own file, where `data` has articles, which have paragraphs, which have questions.

    >>> paragraph = {"context": "Ann won.", "qas": [{"id": "1", "question": "Who won?", "answers": [{"text": "Ann"}]}]}
    >>> questions_of_file({"version": "1.1", "data": [{"title": "T", "paragraphs": [paragraph]}]})
    [{'id': '1', 'question': 'Who won?', 'answers': [{'text': 'Ann'}], 'context': 'Ann won.', 'title': 'T'}]
    >>> questions_of_file({"question": "Who won?"})
    [{'question': 'Who won?'}]

    Raises: MalformedRecord if `data` does not have SQuAD's structure.
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
    """Put spaces around every ASCII punctuation mark, and replace runs of white space by one space.

    >>> pad_punctuation("U.S.  dollars")
    'U . S . dollars'
    """
    return _SPACES.sub(" ", _PUNCTUATION.sub(r" \1 ", sentence))


def _answers(value: Any) -> list[str]:
    """The texts of `{"text": [...]}` (Hugging Face, TFDS), `[{"text": ...}]` (SQuAD's own file) or a list of texts."""
    found: Any = value.get("text") if isinstance(value, dict) else value
    found = [found] if isinstance(found, str) else found
    try:
        answers = [entry["text"] if isinstance(entry, dict) else entry for entry in found]
    except (TypeError, KeyError):
        answers = [None]
    if not all(isinstance(answer, str) for answer in answers):
        raise MalformedRecord("bad_field", "'answers' holds no texts")
    return answers


TASKS: dict[str, Task] = {"squad": Task("squad", "squad", "squad", squad, ("squad",), unfold=questions_of_file)}
