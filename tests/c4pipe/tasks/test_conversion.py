"""Splits, ready records, and the conversion of records."""

import pytest

from c4pipe.tasks.conversion import convert, unfold
from c4pipe.tasks.splits import split_of
from c4pipe.tasks.task import Dropped, MalformedRecord


def made(record, task=None, split=None):
    return [(placed.task, placed.split, placed.example.targets) for placed in convert(record, task, split)]


def test_one_in_ten_validates_by_a_hash_of_the_inputs_alone():
    splits = [split_of(f"sst2 sentence: {number}") for number in range(5000)]
    assert 400 < splits.count("validation") < 600
    assert splits == [split_of(f"sst2 sentence: {number}") for number in range(5000)]
    # Written down: other machines and later versions must agree.
    assert [split_of(text) for text in "abcde"] == ["validation", "train", "validation", "train", "train"]


def test_a_record_says_its_split_before_its_source_does():
    record = {"inputs": "i", "targets": "t", "task": "mine", "split": "dev"}
    assert made(record, split="train") == [("mine", "validation", "t")]
    del record["split"]
    assert made(record, split="test") == [("mine", "test", "t")]


def test_ready_records_carry_their_references():
    (placed,) = convert(
        {"inputs": "i", "targets": "a", "task": "squad", "references": ["a", "b"], "split": "train"}, None
    )
    assert placed.example.references == ("a", "b")
    (placed,) = convert({"inputs": "i", "targets": "a", "split": "train"}, "squad")
    assert (placed.task, placed.example.references) == ("squad", ("a",))


def test_false_referents_of_wsc_are_scored_but_not_trained_on():
    raw = {"text": "Ann says she won .", "span1_text": "Bea", "span2_text": "she", "span2_index": 2, "label": 0}
    assert made({**raw, "split": "train"}, "wsc") == []
    assert made({**raw, "split": "validation"}, "wsc") == [("wsc", "validation", "Bea")]


def test_all_examples_of_a_record_lie_in_one_split():
    for number in range(40):
        raw = {"passage": "p", "query": f"q{number}", "entities": ["A", "B"], "answers": ["A", "B"]}
        assert len({placed.split for placed in convert(raw, "record")}) == 1


@pytest.mark.parametrize(
    ("record", "task", "reason"),
    [
        ({"sentence": "x"}, None, "missing_field"),
        ({"inputs": "x", "targets": "y"}, None, "missing_task"),
        ({"inputs": "x", "targets": "y", "task": "../evil"}, None, "missing_task"),
        ({"inputs": "x", "targets": "y", "task": "t" * 300}, None, "missing_task"),
        ({"inputs": "x", "targets": "y", "task": ["t"]}, None, "missing_task"),
        ({"sentence": "x", "label": []}, "sst2", "unknown_label"),
        ({"sentence": "x", "label": {"a": 1}}, "sst2", "unknown_label"),
        ({"sentence": "x", "label": float("nan")}, "sst2", "unknown_label"),
        ({"sentence": "x", "label": float("inf")}, "sst2", "unknown_label"),
        ({"sentence": "x", "label": 10**400}, "sst2", "unknown_label"),
        ({"sentence": "x", "label": "9" * 5000}, "sst2", "unknown_label"),
        ({"inputs": " ", "targets": "y", "task": "t"}, None, "no_inputs"),
        ({"inputs": "x", "targets": "", "task": "t"}, None, "no_targets"),
        ({"inputs": "x", "targets": None, "task": "t"}, None, "missing_field"),
        ({"inputs": "x", "targets": 3, "task": "t"}, None, "bad_field"),
        ({"inputs": "x", "targets": "y", "task": "t", "split": "holdout"}, None, "unknown_split"),
        ({"inputs": "x", "targets": "y", "task": "t", "references": []}, None, "bad_field"),
    ],
)
def test_a_record_without_an_example_says_why(record, task, reason):
    with pytest.raises(MalformedRecord) as caught:
        list(convert(record, task))
    assert caught.value.reason == reason


def test_examples_without_a_label_are_kept_in_test_splits_alone():
    for record, reason in (
        ({"sentence": "x", "label": -1, "idx": 7}, "no_label"),
        ({"sentence": "x", "index": "7"}, "missing_field"),
    ):
        (placed,) = convert(record, "sst2", "test")
        assert (placed.split, placed.example.inputs) == ("test", "sst2 sentence: x")
        assert (placed.example.targets, placed.example.references) == ("", ("7",))
        for split in ("train", "validation", "unsupervised", None):
            with pytest.raises(MalformedRecord) as caught:
                list(convert(record, "sst2", split))
            assert caught.value.reason == reason


def test_ready_records_of_a_test_split_need_no_targets():
    for record in ({"inputs": "a", "task": "mine"}, {"inputs": "a", "targets": "", "task": "mine"}):
        (placed,) = convert(record, None, "test")
        assert placed.example.targets == "" and placed.example.fault is not None
        with pytest.raises(MalformedRecord):
            list(convert(record, None))


def test_the_halves_of_mnli_are_their_tasks():
    record = {"premise": "p", "hypothesis": "h", "label": 0}
    where = {
        (task, told): next(iter(convert(record, task, told)))
        for task in ("mnli", "mnli_matched", "mnli_mismatched")
        for told in ("train", "validation_matched", "validation_mismatched", "test_matched", "dev_mismatched")
    }
    assert {told: f"{placed.task}-{placed.split}" for (task, told), placed in where.items() if task == "mnli"} == {
        "train": "mnli-train",
        "validation_matched": "mnli-validation",
        "validation_mismatched": "mnli_mismatched-validation",
        "test_matched": "mnli-test",
        "dev_mismatched": "mnli_mismatched-validation",
    }
    assert where["mnli_mismatched", "validation_matched"].task == "mnli_matched"
    assert where["mnli_mismatched", "dev_mismatched"].task == "mnli_mismatched"
    assert next(iter(convert({"sentence": "x", "label": 0}, "sst2", "validation_matched"))).task == "sst2"


def test_a_question_without_an_answer_is_dropped_and_named():
    record = {"question": "q", "context": "c", "answers": {"text": [], "answer_start": []}}
    with pytest.raises(Dropped) as caught:
        list(convert(record, "squad", "validation"))
    assert caught.value.reason == "unanswerable"


def test_squads_own_file_is_unfolded():
    paragraph = {"context": "c", "qas": [{"question": f"q{number}", "answers": []} for number in range(3)]}
    whole = {"version": "1.1", "data": [{"title": "t", "paragraphs": [paragraph, paragraph]}]}
    assert [question["question"] for question in unfold(whole, "squad")] == ["q0", "q1", "q2"] * 2
    assert unfold({"question": "q"}, "squad") == [{"question": "q"}] and unfold(whole, None) == [whole]
    with pytest.raises(MalformedRecord) as caught:
        unfold({"data": [{"paragraphs": 3}]}, "squad")
    assert caught.value.reason == "bad_field"


@pytest.mark.parametrize(("task", "name"), [("boolq", "label"), ("sst2", "label"), (None, "task"), (None, "split")])
def test_a_value_that_is_nested_too_deep_is_a_bad_record(task, name):
    deep: list = []
    for _ in range(5_000):
        deep = [deep]
    record = {"sentence": "s", "passage": "p", "question": "q", "label": 1, "idx": 0}
    ready = {"inputs": "in", "targets": "out", "task": "mine", "split": "train"}
    with pytest.raises(MalformedRecord):
        list(convert({**(record if task else ready), name: deep}, task))
