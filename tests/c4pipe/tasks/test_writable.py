"""References as a vocabulary can write them, by metric."""

import pytest

from c4pipe.tasks import metrics, writable
from c4pipe.tasks.catalog import TASKS, find_or_make


def spell(text):
    """A vocabulary without braces, which makes one blank of white space."""
    return " ".join(text.replace("{", " ? ").split())


CASES = [
    ("accuracy", ["the fox { over", "the  dog\n"], ("the fox ? over", "the dog")),
    ("multirc", ["True", "a {key}"], ("True", "a {key}")),
    ("record", ["{1}", "an {answer"], ("{1}", "an ? answer")),
    ("wsc", ["the {noun", "True"], ("the ? noun", "True")),
    ("rouge", ["one { \ntwo"], ("one ?\ntwo",)),
    ("pearson", ["3.4"], ("3.4",)),
]


@pytest.mark.parametrize(("metric", "given", "expected"), CASES, ids=[case[0] for case in CASES])
def test_only_texts_that_outputs_are_compared_with_are_rewritten(metric, given, expected):
    assert writable.written(metric, [given], spell) == [expected]


def test_an_output_that_writes_all_it_can_is_right_and_literally_wrong():
    task, references, outputs = find_or_make("mine"), [("the fox { over",), ("dog",)], ["the fox ? over", "dog"]
    assert metrics.score(task, references, outputs)["accuracy"].value == 50.0
    assert metrics.score(task, references, outputs, spell)["accuracy"].value == 100.0
    assert writable.num_unwritable(task.metrics, references, spell) == 1


def test_labels_are_written_too_unless_two_become_one():
    task = TASKS["mrpc"]
    references = [("equivalent",), ("not_equivalent",)]
    outputs = ["equivalent", "not ? equivalent"]
    write = {"not_equivalent": "not ? equivalent"}
    found = metrics.score(task, references, outputs, lambda text: write.get(text, text))
    assert found["f1"].value == found["accuracy"].value == 100.0
    assert metrics.written_labels(task, lambda text: "?") is None
    assert metrics.score(task, references, ["?", "?"], lambda text: "?")["accuracy"].value == 0.0


def test_texts_that_become_one_unknown_text_keep_their_own_form():
    forms, num_indistinct = writable.differing_forms(["好", "坏", "a  b", "a b"], ["?", "?", "a b", "a b"], "?")
    assert forms == {"a  b": "a b"} and num_indistinct == 2
