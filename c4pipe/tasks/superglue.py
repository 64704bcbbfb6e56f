"""The tasks of SuperGLUE (Wang et al. 2019) in text-to-text form: T5, section 2.4 and appendix D.

Records are flat, as in TensorFlow Datasets and Hugging Face, or as in SuperGLUE's own JSONL files (MultiRC and ReCoRD
nested, the spans of WSC under `target`).
"""

import re
from typing import Any

from c4pipe.tasks.task import (
    MalformedRecord,
    Record,
    Task,
    TextExample,
    Unlabelled,
    classified,
    example_of,
    field,
    label_of,
    named_fields,
    server_key,
    text,
)

_BOOLEAN = ("False", "True")
_CB = ("entailment", "contradiction", "neutral")
_CHOICES = ("choice1", "choice2")
_ENTAILMENT = ("entailment", "not_entailment")


def multirc(record: Record) -> list[TextExample]:
    """One example per answer: is it right? In the paragraph, `<br>` becomes a space, and `<b>` is removed.

    references: (label, key of the question), because MultiRC's exact match is computed per question.

    >>> answer = {"paragraph": "<b>Sent 1: </b>It rained.<br>We left.", "question": "Why?", "answer": "Rain",
    ...           "label": 1, "idx": {"paragraph": 3, "question": 7, "answer": 2}}
    >>> multirc(answer)[0].inputs
    'multirc question: Why? answer: Rain paragraph: Sent 1: It rained. We left.'
    >>> multirc(answer)[0].references
    ('True', '3-7')
    """
    if isinstance(record.get("passage"), dict):
        return [example for flat in _flat_multirc(record) for example in multirc(flat)]
    label = label_of(record, _BOOLEAN)
    joined = named_fields("multirc", record, "question", "answer", "paragraph")
    joined = re.sub(r"</?b>", "", joined.replace("<br>", " "))
    if isinstance(label, MalformedRecord):
        return [example_of(joined, label, record)]
    return [TextExample(joined, label, (label, _key(record, "paragraph", "question")))]


def _flat_multirc(record: Record) -> list[dict[str, Any]]:
    passage = record["passage"]
    return [
        {
            "paragraph": passage.get("text"),
            "question": question.get("question"),
            "answer": answer.get("text"),
            "label": answer.get("label"),
            "idx": {"paragraph": record.get("idx"), "question": question.get("idx"), "answer": answer.get("idx")},
        }
        for question in passage.get("questions") or ()
        for answer in question.get("answers") or ()
    ]


def record_cloze(record: Record) -> list[TextExample]:
    """ReCoRD: fill the placeholder. Lines after `@highlight` become sentences. There is one example per answer.

    references: (key of the query, answer, answer, ...), so that each query counts once, however many answers it has.

    >>> passage = "It won\\n@highlight\\nThey cheered.\\n@highlight\\nEnd"
    >>> made = record_cloze({"passage": passage, "query": "@placeholder won", "entities": ["A", "B"],
    ...                      "answers": ["A", "B"], "idx": {"passage": 1, "query": 2}})
    >>> made[1].inputs
    'record query: @placeholder won entities: A, B passage: It won. They cheered. End'
    >>> [example.targets for example in made], made[0].references
    (['A', 'B'], ('1-2', 'A', 'B'))
    """
    if "qas" in record:
        return [example for flat in _flat_record(record) for example in record_cloze(flat)]
    answers = record.get("answers") or ()
    passage = re.sub(r"([.?!\"'])\n@highlight\n", r"\1 ", text(record, "passage"))
    passage = passage.replace("\n@highlight\n", ". ")
    entities = ", ".join(field(record, "entities"))
    inputs = f"record query: {text(record, 'query')} entities: {entities} passage: {passage}"
    if not answers:
        return [example_of(inputs, Unlabelled(), record)]
    references = (_key(record, "passage", "query"), *answers)
    return [TextExample(inputs, answer, references) for answer in answers]


def _flat_record(record: Record) -> list[dict[str, Any]]:
    passage = field(record, "passage")
    whole = text(passage, "text")
    spans = passage.get("entities") or ()
    entities = sorted({whole[span["start"] : span["end"] + 1] for span in spans})
    return [
        {
            "passage": whole,
            "query": query.get("query"),
            "entities": entities,
            "answers": sorted({answer["text"] for answer in query.get("answers") or ()}),
            "idx": {"passage": record.get("idx"), "query": query.get("idx")},
        }
        for query in record["qas"]
    ]


def wsc(record: Record) -> list[TextExample]:
    """Marks the pronoun with asterisks. The target is the noun. Only examples with the right noun are trained on.

    references: (the noun, whether the pronoun means it).

    >>> made = wsc({"text": "Bob asked Tom if he can lend some money .", "span1_text": "Tom", "span2_text": "he",
    ...             "span2_index": 4, "label": 1})[0]
    >>> made.inputs, made.targets, made.trains
    ('wsc: Bob asked Tom if *he* can lend some money .', 'Tom', True)
    """
    flat = {**record, **record["target"]} if isinstance(record.get("target"), dict) else record
    label = label_of(flat, _BOOLEAN)
    pronoun = text(flat, "span2_text")
    marked = _mark_pronoun(text(flat, "text"), pronoun, flat.get("span2_index"))
    noun = text(flat, "span1_text")
    if isinstance(label, MalformedRecord):
        # A submission needs the noun to tell whether the pronoun means it.
        return [TextExample(f"wsc: {marked}", "", (*server_key(record), noun), fault=label)]
    return [TextExample(f"wsc: {marked}", noun, (noun, label), trains=label == "True")]


# Two records of WSC whose index does not point at the pronoun, corrected as in the reference.
_WSC_MENDED = {
    'The boy continued to whip the pony , and eventually the pony threw him over. John laughed out quite loud. "Good '
    'for him," he said. ': "The boy continued to whip the pony , and eventually the pony threw him over. John laughed "
    'out quite loud. "Good for *him* ," he said.',
    "When they had eventually calmed down a bit , and had gotten home, Mr. Farley put the magic pebble in an iron safe "
    ". Some day they might want to use it , but really for now, what more could they wish for?": "When they had "
    "eventually calmed down a bit , and had gotten home, Mr. Farley put the magic pebble in an iron safe . Some day "
    "they might want to use *it* , but really for now, what more could they wish for?",
}


def _mark_pronoun(sentence: str, pronoun: str, index: Any) -> str:
    if sentence in _WSC_MENDED:
        return _WSC_MENDED[sentence]
    words = sentence.split()
    try:
        position = int(index)
        found = words[position]
    except (TypeError, ValueError, IndexError):
        raise MalformedRecord("bad_field", f"'span2_index' is {index!r}, the text has {len(words)} words") from None
    length = len(pronoun.split())
    if " ".join(words[position : position + length]) == pronoun:
        words[position : position + length] = [f"*{pronoun}*"]
    elif found.lower().startswith(pronoun.lower()):
        # The word has punctuation at its end, or differs from the span in case.
        words[position] = f"*{found[: len(pronoun)]}*{found[len(pronoun) :]}"
    else:
        raise MalformedRecord("bad_field", f"word {position} is {found!r}, not the pronoun {pronoun!r}")
    return " ".join(words)


def _key(record: Record, *levels: str) -> str:
    """The key of a record's group: its `idx` at `levels` or, if it has none, the texts at these levels."""
    index = record.get("idx")
    if isinstance(index, dict) and all(index.get(level) is not None for level in levels):
        return "-".join(str(index[level]) for level in levels)
    flat = [record.get(f"idx/{level}") for level in levels]
    if all(value is not None for value in flat):
        return "-".join(map(str, flat))
    return " ".join(text(record, level) for level in levels)


TASKS: dict[str, Task] = {
    "boolq": Task(
        "boolq",
        "super_glue",
        "super_glue/boolq",
        classified("boolq", _BOOLEAN, "passage", "question"),
        ("accuracy",),
        _BOOLEAN,
    ),
    "cb": Task(
        "cb",
        "super_glue",
        "super_glue/cb",
        classified("cb", _CB, "hypothesis", "premise"),
        ("mean_f1", "accuracy"),
        _CB,
    ),
    "copa": Task(
        "copa",
        "super_glue",
        "super_glue/copa",
        classified("copa", _CHOICES, "choice1", "choice2", "premise", "question"),
        ("accuracy",),
        _CHOICES,
    ),
    "multirc": Task("multirc", "super_glue", "super_glue/multirc", multirc, ("multirc",), _BOOLEAN),
    "record": Task("record", "super_glue", "super_glue/record", record_cloze, ("record",)),
    "super_glue_rte": Task(
        "super_glue_rte",
        "super_glue",
        "super_glue/rte",
        classified("rte", _ENTAILMENT, "hypothesis", "premise"),
        ("accuracy",),
        _ENTAILMENT,
    ),
    "wic": Task(
        "wic",
        "super_glue",
        "super_glue/wic",
        classified("wic", _BOOLEAN, "sentence1", "sentence2", "word"),
        ("accuracy",),
        _BOOLEAN,
    ),
    "wsc": Task("wsc", "super_glue", "super_glue/wsc.fixed", wsc, ("wsc",)),
}
