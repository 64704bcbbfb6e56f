"""The files that the servers of GLUE and SuperGLUE take, line by line."""

import json

import pytest

from c4pipe.tasks.catalog import TASKS
from c4pipe.tasks.conversion import convert
from c4pipe.tasks.submissions import submission


def keys_and_outputs(task, records, answers):
    """As the shards keep them: what examples of a test split are known by."""
    examples = [placed.example for record in records for placed in convert(record, task, "test")]
    assert all(example.fault is not None and example.targets == "" for example in examples)
    return [example.references for example in examples], answers


@pytest.mark.parametrize(
    ("task", "file", "outputs", "predictions"),
    [
        ("cola", "CoLA.tsv", ["acceptable", "unacceptable"], ["1", "0"]),
        ("sst2", "SST-2.tsv", ["positive", "nonsense"], ["1", "0"]),
        ("mrpc", "MRPC.tsv", ["equivalent", "not_equivalent"], ["1", "0"]),
        ("qqp", "QQP.tsv", ["duplicate", "not_duplicate"], ["1", "0"]),
        ("stsb", "STS-B.tsv", ["3.2", "9"], ["3.200", "5.000"]),
        ("mnli", "MNLI-m.tsv", ["neutral", "contradiction"], ["neutral", "contradiction"]),
        ("mnli_mismatched", "MNLI-mm.tsv", ["entailment", "x"], ["entailment", "entailment"]),
        ("qnli", "QNLI.tsv", ["not_entailment", "entailment"], ["not_entailment", "entailment"]),
        ("rte", "RTE.tsv", ["not_entailment", "entailment"], ["not_entailment", "entailment"]),
        ("wnli", "WNLI.tsv", ["entailment", "not_entailment"], ["1", "0"]),
    ],
)
def test_glue_takes_rows_of_index_and_prediction(task, file, outputs, predictions):
    made = submission(task, [("10",), ("9",)], outputs)
    assert (made.benchmark, made.file) == ("glue", file)
    assert made.content.splitlines() == ["index\tprediction", f"9\t{predictions[1]}", f"10\t{predictions[0]}"]
    assert made.num_replaced == (outputs[1] in ("nonsense", "x"))


@pytest.mark.parametrize(
    ("task", "file", "record", "output", "label"),
    [
        ("boolq", "BoolQ.jsonl", {"passage": "p", "question": "q", "idx": 4}, "True", "true"),
        ("cb", "CB.jsonl", {"premise": "p", "hypothesis": "h", "idx": 4}, "neutral", "neutral"),
        (
            "copa",
            "COPA.jsonl",
            {"choice1": "a", "choice2": "b", "premise": "p", "question": "cause", "idx": 4},
            "choice2",
            1,
        ),
        ("super_glue_rte", "RTE.jsonl", {"premise": "p", "hypothesis": "h", "idx": 4}, "entailment", "entailment"),
        ("wic", "WiC.jsonl", {"sentence1": "a", "sentence2": "b", "word": "w", "idx": 4}, "False", "false"),
        (
            "wsc",
            "WSC.jsonl",
            {"text": "Bob asked Tom if he left .", "span1_text": "Tom", "span2_text": "he", "span2_index": 4, "idx": 4},
            "Tom",
            "True",
        ),
        (
            "record",
            "ReCoRD.jsonl",
            {"passage": "p", "query": "q", "entities": ["A"], "answers": [], "idx": {"passage": 1, "query": 4}},
            "A",
            "A",
        ),
    ],
)  # fmt: skip
def test_super_glue_takes_lines_of_idx_and_label(task, file, record, output, label):
    keys, outputs = keys_and_outputs(task, [record], [output])
    made = submission(task, keys, outputs)
    assert (made.benchmark, made.file) == ("super_glue", file)
    assert json.loads(made.content) == {"idx": 4, "label": label}


def test_multirc_is_nested_by_passage_and_question():
    passage = {
        "text": "p",
        "questions": [
            {"question": "q", "idx": 0, "answers": [{"text": "a", "idx": 0}, {"text": "b", "idx": 1}]},
            {"question": "r", "idx": 1, "answers": [{"text": "c", "idx": 2}]},
        ],
    }
    keys, outputs = keys_and_outputs("multirc", [{"idx": 5, "passage": passage}], ["True", "False", "True"])
    assert keys == [("5", "0", "0"), ("5", "0", "1"), ("5", "1", "2")]
    assert json.loads(submission("multirc", keys, outputs).content) == {
        "idx": 5,
        "passage": {
            "questions": [
                {"idx": 0, "answers": [{"idx": 0, "label": 1}, {"idx": 1, "label": 0}]},
                {"idx": 1, "answers": [{"idx": 2, "label": 1}]},
            ]
        },
    }


def test_every_task_of_the_benchmarks_has_a_file():
    with_file = {name for name, task in TASKS.items() if task.benchmark in ("glue", "super_glue") or name == "wnli"}
    assert {name for name in TASKS if submission(name, [("0",)], [""]) is not None} == with_file


def test_examples_without_a_key_are_numbered_in_order():
    assert submission("sst2", [(), ()], ["positive", "negative"]).content == "index\tprediction\n0\t1\n1\t0\n"
