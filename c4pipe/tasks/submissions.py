"""Writes predictions of test splits in the form that the servers of GLUE and SuperGLUE accept.

GLUE: one file per task, with lines `index<TAB>prediction`. SuperGLUE: JSON lines with `idx` and `label`; for MultiRC,
nested by passage and question. A server refuses a prediction that is not a label. So an output that is not a label is
written as the first label.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from c4pipe.tasks.answers import names_referent
from c4pipe.tasks.catalog import TASKS

Keys = Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Submission:
    """A file for a benchmark's server. num_replaced: the outputs that were not labels, written as the first label."""

    benchmark: str
    file: str
    content: str
    num_replaced: int


def submission(task: str, keys: Keys, outputs: Sequence[str]) -> Submission | None:
    """The file of a task's n outputs for the server; None if no server takes the task.

    keys: the server's keys of the examples (the `TextExample.references` of an example without a label). If a key is
    empty, the example's number is used.

    >>> submission("sst2", [("0",), ("1",)], ["positive", "no label"]).content.split()
    ['index', 'prediction', '0', '1', '1', '0']
    >>> print(submission("boolq", [("0",)], ["True"]).content, end="")
    {"idx": 0, "label": "true"}
    """
    if task in _GLUE:
        file, write = _GLUE[task]
        cells = [write(task, output) for output in outputs]
        rows = sorted(
            (_number(_place(key, place)), cell) for place, (key, (cell, _)) in enumerate(zip(keys, cells, strict=True))
        )
        lines = ["index\tprediction", *(f"{index}\t{cell}" for index, cell in rows)]
        return Submission("glue", file, "".join(line + "\n" for line in lines), _replaced(cells))
    if task in _SUPERGLUE:
        file, make = _SUPERGLUE[task]
        records, replaced = make(task, [_place(key, place) for place, key in enumerate(keys)], outputs)
        content = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        return Submission("super_glue", file, content, replaced)
    return None


def _place(key: tuple[str, ...], place: int) -> tuple[str, ...]:
    return key or (str(place),)


def _number(key: tuple[str, ...]) -> int | str:
    return int(key[-1]) if key[-1].isdecimal() else key[-1]


def _replaced(cells: Sequence[tuple[object, bool]]) -> int:
    return sum(not is_label for _, is_label in cells)


def _name(task: str, output: str) -> tuple[str, bool]:
    labels = TASKS[task].labels
    return (output, True) if output in labels else (labels[0], False)


def _class_number(task: str, output: str) -> tuple[int, bool]:
    name, is_label = _name(task, output)
    return TASKS[task].labels.index(name), is_label


def _lower_name(task: str, output: str) -> tuple[str, bool]:
    name, is_label = _name(task, output)
    return name.lower(), is_label


def _score(task: str, output: str) -> tuple[str, bool]:
    """STS-B's similarity from 0 to 5; 0 if the output is not a number."""
    del task
    try:
        value = float(output)
    except ValueError:
        return "0.0", False
    return (f"{min(max(value, 0.0), 5.0):.3f}", True) if value == value else ("0.0", False)


_Write = Callable[[str, str], tuple[object, bool]]
_GLUE: dict[str, tuple[str, _Write]] = {
    "cola": ("CoLA.tsv", _class_number),
    "sst2": ("SST-2.tsv", _class_number),
    "mrpc": ("MRPC.tsv", _class_number),
    "qqp": ("QQP.tsv", _class_number),
    "stsb": ("STS-B.tsv", _score),
    "mnli": ("MNLI-m.tsv", _name),
    "mnli_matched": ("MNLI-m.tsv", _name),
    "mnli_mismatched": ("MNLI-mm.tsv", _name),
    "qnli": ("QNLI.tsv", _name),
    "rte": ("RTE.tsv", _name),
    "wnli": ("WNLI.tsv", _class_number),
}

_Records = tuple[list[dict[str, object]], int]
_Make = Callable[[str, Keys, Sequence[str]], _Records]


def _flat(write: _Write) -> _Make:
    def make(task: str, keys: Keys, outputs: Sequence[str]) -> _Records:
        cells = [write(task, output) for output in outputs]
        records = [{"idx": _number(key), "label": cell} for key, (cell, _) in zip(keys, cells, strict=True)]
        return records, _replaced(cells)

    return make


def _answers(task: str, keys: Keys, outputs: Sequence[str]) -> _Records:
    """ReCoRD: the answer itself. A key is (passage, query); the server needs only the query."""
    del task
    return [{"idx": _number(key), "label": output} for key, output in zip(keys, outputs, strict=True)], 0


def _referents(task: str, keys: Keys, outputs: Sequence[str]) -> _Records:
    """WSC: whether the output names the noun, which is the last part of a key."""
    del task
    return [
        {
            "idx": _number(key[:-1] or (str(place),)),
            "label": "True" if names_referent(output, key[-1]) else "False",
        }
        for place, (key, output) in enumerate(zip(keys, outputs, strict=True))
    ], 0


def _by_passage(task: str, keys: Keys, outputs: Sequence[str]) -> _Records:
    """MultiRC: a key is (passage, question, answer)."""
    passages: dict[str, dict[str, list[dict[str, object]]]] = {}
    replaced = 0
    for key, output in zip(keys, outputs, strict=True):
        passage, question, answer = key if len(key) == 3 else ("0", "0", key[-1])
        label, is_label = _class_number(task, output)
        replaced += not is_label
        of_question = passages.setdefault(passage, {}).setdefault(question, [])
        of_question.append({"idx": _number((answer,)), "label": label})
    return [
        {
            "idx": _number((passage,)),
            "passage": {
                "questions": [
                    {"idx": _number((question,)), "answers": answers} for question, answers in questions.items()
                ]
            },
        }
        for passage, questions in passages.items()
    ], replaced


_SUPERGLUE: dict[str, tuple[str, _Make]] = {
    "boolq": ("BoolQ.jsonl", _flat(_lower_name)),
    "cb": ("CB.jsonl", _flat(_name)),
    "copa": ("COPA.jsonl", _flat(_class_number)),
    "multirc": ("MultiRC.jsonl", _by_passage),
    "record": ("ReCoRD.jsonl", _answers),
    "super_glue_rte": ("RTE.jsonl", _flat(_name)),
    "wic": ("WiC.jsonl", _flat(_lower_name)),
    "wsc": ("WSC.jsonl", _referents),
}

# All possible files of submissions, as `BENCHMARK/FILE`.
FILE_NAMES = (
    *dict.fromkeys(f"glue/{file}" for file, _ in _GLUE.values()),
    *dict.fromkeys(f"super_glue/{file}" for file, _ in _SUPERGLUE.values()),
)
