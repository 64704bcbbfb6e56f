"""The tasks of GLUE (Wang et al. 2018) in text-to-text form: T5, appendix D; `t5/data/glue_utils.py`.

Fields have the names of TensorFlow Datasets and Hugging Face. Other names in GLUE's own TSV files are accepted too.
WNLI does not count in the average, as in the paper.
"""

import math

from c4pipe.tasks.task import (
    MalformedRecord,
    Record,
    Task,
    TextExample,
    Unlabelled,
    classified,
    example_of,
    field,
    named_fields,
    nearest_fifth,
)

_ENTAILMENT = ("entailment", "not_entailment")
_NLI = ("entailment", "neutral", "contradiction")
_PREMISE = ("premise", "sentence1")
_HYPOTHESIS = ("hypothesis", "sentence2")
_SENTENCE_1 = ("sentence1", "#1 String")
_SENTENCE_2 = ("sentence2", "#2 String")


def stsb(record: Record) -> list[TextExample]:
    """Turns a similarity from 0 to 5 into one of 26 texts.

    The references have the score before rounding, because GLUE computes the correlation with it.

    >>> stsb({"sentence1": "A.", "sentence2": "B.", "label": 3.25})[0]
    TextExample(inputs='stsb sentence1: A. sentence2: B.', targets='3.2', references=('3.25',), trains=True)
    """
    inputs = named_fields("stsb", record, "sentence1", "sentence2")
    try:
        value = field(record, "label", "score")
    except MalformedRecord as fault:
        return [example_of(inputs, Unlabelled() if "label" in record or "score" in record else fault, record)]
    try:
        score = float(value) if value != "" else -1.0
    except (TypeError, ValueError):
        raise MalformedRecord("unknown_label", f"label {value!r} is not a number") from None
    if score == -1:
        return [example_of(inputs, Unlabelled(), record)]
    if not (math.isfinite(score) and 0 <= score <= 5):
        raise MalformedRecord("unknown_label", f"label {value!r} is not between 0 and 5")
    return [TextExample(inputs, nearest_fifth(score), (f"{score:.6g}",))]


def _mnli(name: str, halves: dict[str, str]) -> Task:
    prefix = "mnli"
    return Task(
        name,
        benchmark="glue",
        source="glue/" + name,
        format=classified(prefix, _NLI, _HYPOTHESIS, _PREMISE, label_fields=("gold_label",)),
        metrics=("accuracy",),
        labels=_NLI,
        counts_as="mnli",
        halves=halves,
    )


_ACCEPTABLE = ("unacceptable", "acceptable")
_SENTIMENT = ("negative", "positive")
_EQUIVALENT = ("not_equivalent", "equivalent")
_DUPLICATE = ("not_duplicate", "duplicate")
_WNLI = ("not_entailment", "entailment")

TASKS: dict[str, Task] = {
    "cola": Task(
        "cola",
        "glue",
        "glue/cola",
        classified("cola", _ACCEPTABLE, "sentence"),
        ("matthews_correlation",),
        _ACCEPTABLE,
        tsv_columns=("source", "label", "star", "sentence"),
    ),
    "sst2": Task("sst2", "glue", "glue/sst2", classified("sst2", _SENTIMENT, "sentence"), ("accuracy",), _SENTIMENT),
    "mrpc": Task(
        "mrpc",
        "glue",
        "glue/mrpc",
        classified("mrpc", _EQUIVALENT, _SENTENCE_1, _SENTENCE_2, label_fields=("Quality",)),
        ("f1", "accuracy"),
        _EQUIVALENT,
    ),
    "qqp": Task(
        "qqp",
        "glue",
        "glue/qqp",
        classified("qqp", _DUPLICATE, "question1", "question2", label_fields=("is_duplicate",)),
        ("f1", "accuracy"),
        _DUPLICATE,
    ),
    "stsb": Task("stsb", "glue", "glue/stsb", stsb, ("pearson", "spearman")),
    "mnli": _mnli("mnli", {"mismatched": "mnli_mismatched"}),
    "mnli_matched": _mnli("mnli_matched", {"mismatched": "mnli_mismatched"}),
    "mnli_mismatched": _mnli("mnli_mismatched", {"matched": "mnli_matched"}),
    "qnli": Task(
        "qnli",
        "glue",
        "glue/qnli",
        classified("qnli", _ENTAILMENT, "question", "sentence"),
        ("accuracy",),
        _ENTAILMENT,
    ),
    "rte": Task(
        "rte",
        "glue",
        "glue/rte",
        classified("rte", _ENTAILMENT, "sentence1", "sentence2"),
        ("accuracy",),
        _ENTAILMENT,
    ),
    "wnli": Task(
        "wnli",
        "",
        "glue/wnli",
        classified("wnli", _WNLI, "sentence1", "sentence2"),
        ("accuracy",),
        _WNLI,
    ),
}
