"""Every task's format, written out. Most raw records and texts are those of T5's appendix D."""

import pytest

from c4pipe.errors import UserError
from c4pipe.tasks.catalog import TASKS, find, find_or_make
from c4pipe.tasks.conversion import convert
from c4pipe.tasks.metrics import check_name
from c4pipe.tasks.task import MalformedRecord, Unlabelled

MITCHELL = "Mitchell asked Tom if he could lend some money ."

# task, raw record, inputs, targets, references
LITERAL = [
    (
        "cola",
        {"sentence": "John made Bill master of himself.", "label": 1, "idx": 0},
        "cola sentence: John made Bill master of himself.",
        "acceptable",
        ("acceptable",),
    ),
    (
        "sst2",
        {"sentence": "it confirms fincher 's status as a film maker", "label": 1},
        "sst2 sentence: it confirms fincher 's status as a film maker",
        "positive",
        ("positive",),
    ),
    (
        "mrpc",
        {"sentence1": "We acted because we saw the evidence .", "sentence2": "He said so .", "label": 1},
        "mrpc sentence1: We acted because we saw the evidence . sentence2: He said so .",
        "equivalent",
        ("equivalent",),
    ),
    (
        "qqp",
        {"question1": "What attributes?", "question2": "How I GET OPPERTINUTY?", "label": 0},
        "qqp question1: What attributes? question2: How I GET OPPERTINUTY?",
        "not_duplicate",
        ("not_duplicate",),
    ),
    (
        "stsb",
        {"sentence1": "Representatives for Puretunes.", "sentence2": "Puretunes could not.", "label": 3.25},
        "stsb sentence1: Representatives for Puretunes. sentence2: Puretunes could not.",
        "3.2",
        ("3.25",),
    ),
    (
        "mnli",
        {"premise": "yeah well losing is", "hypothesis": "The Cardinals have always won.", "label": 2},
        "mnli hypothesis: The Cardinals have always won. premise: yeah well losing is",
        "contradiction",
        ("contradiction",),
    ),
    (
        "mnli_matched",
        {"premise": "P.", "hypothesis": "H.", "label": 1},
        "mnli hypothesis: H. premise: P.",
        "neutral",
        ("neutral",),
    ),
    (
        "mnli_mismatched",
        {"premise": "P.", "hypothesis": "H.", "label": 0},
        "mnli hypothesis: H. premise: P.",
        "entailment",
        ("entailment",),
    ),
    (
        "qnli",
        {"question": "Where did Jebe die?", "sentence": "Genghis Khan recalled Subutai back to Mongolia.", "label": 0},
        "qnli question: Where did Jebe die? sentence: Genghis Khan recalled Subutai back to Mongolia.",
        "entailment",
        ("entailment",),
    ),
    (
        "rte",
        {"sentence1": "A smaller proportion settled.", "sentence2": "Slovenia has inhabitants.", "label": 1},
        "rte sentence1: A smaller proportion settled. sentence2: Slovenia has inhabitants.",
        "not_entailment",
        ("not_entailment",),
    ),
    (
        "wnli",
        {"sentence1": "The fish ate the worm. It was tasty.", "sentence2": "The worm was tasty.", "label": 1},
        "wnli sentence1: The fish ate the worm. It was tasty. sentence2: The worm was tasty.",
        "entailment",
        ("entailment",),
    ),
    (
        "boolq",
        {"question": "is this a question", "passage": "A passage.", "label": True},
        "boolq passage: A passage. question: is this a question",
        "True",
        ("True",),
    ),
    (
        "cb",
        {"hypothesis": "Valence was helping", "premise": "Did he think he was helping?", "label": 1},
        "cb hypothesis: Valence was helping premise: Did he think he was helping?",
        "contradiction",
        ("contradiction",),
    ),
    (
        "copa",
        {
            "choice1": "Many citizens relocated to the capitol.",
            "choice2": "Many citizens took refuge in other territories.",
            "premise": "Political violence broke out in the nation.",
            "question": "effect",
            "label": 1,
        },
        "copa choice1: Many citizens relocated to the capitol. choice2: Many citizens took refuge in other "
        "territories. premise: Political violence broke out in the nation. question: effect",
        "choice2",
        ("choice2",),
    ),
    (
        "multirc",
        {
            "paragraph": "<b>Sent 1: </b>The tree fell.<br><b>Sent 2: </b>A twig was left.<br>",
            "question": "What was left?",
            "answer": "a twig",
            "label": 1,
            "idx": {"paragraph": 5, "question": 29, "answer": 120},
        },
        "multirc question: What was left? answer: a twig paragraph: Sent 1: The tree fell. Sent 2: A twig was left. ",
        "True",
        ("True", "5-29"),
    ),
    (
        "record",
        {
            "passage": '(CNN) It said "no"\n@highlight\nRuling affects nobody\n@highlight\nThe end',
            "query": "The @placeholder ruled",
            "entities": ["Supreme Court", "Texas"],
            "answers": ["Supreme Court"],
            "idx": {"passage": 4, "query": 9},
        },
        'record query: The @placeholder ruled entities: Supreme Court, Texas passage: (CNN) It said "no" Ruling '
        "affects nobody. The end",
        "Supreme Court",
        ("4-9", "Supreme Court"),
    ),
    (
        "super_glue_rte",
        {"premise": "P.", "hypothesis": "H.", "label": 0},
        "rte hypothesis: H. premise: P.",
        "entailment",
        ("entailment",),
    ),
    (
        "wic",
        {
            "sentence1": "It was a metal pin.",
            "sentence2": "Pin the paper.",
            "word": "pin",
            "label": 0,
            "start1": 15,
            "idx": 3,
        },
        "wic sentence1: It was a metal pin. sentence2: Pin the paper. word: pin",
        "False",
        ("False",),
    ),
    (
        "wsc",
        {
            "text": MITCHELL,
            "span1_text": "Mitchell",
            "span1_index": 0,
            "span2_text": "he",
            "span2_index": 4,
            "label": 1,
        },
        "wsc: Mitchell asked Tom if *he* could lend some money .",
        "Mitchell",
        ("Mitchell", "True"),
    ),
    (
        "squad",
        {
            "question": "What does increased oxygen concentrations in the patient's lungs displace?",
            "context": "Hyperbaric (high-pressure) medicine.",
            "answers": {"text": ["carbon monoxide", "CO, 1.5%"], "answer_start": [0, 3]},
        },
        "question: What does increased oxygen concentrations in the patient ' s lungs displace ? context: Hyperbaric "
        "( high - pressure ) medicine . ",
        "carbon monoxide",
        ("carbon monoxide", "CO , 1 . 5 % "),
    ),
    (
        "cnn_dailymail",
        {"article": "marouane fellaini and adnan januzaj", "highlights": "the pair . went\nout ."},
        "summarize: marouane fellaini and adnan januzaj",
        "the pair . went\nout .",
        ("the pair . went\nout .",),
    ),
    (
        "translate_en_de",
        {"translation": {"en": "That is good.", "de": "Das ist gut."}},
        "translate English to German: That is good.",
        "Das ist gut.",
        ("Das ist gut.",),
    ),
    (
        "translate_en_fr",
        {"en": "That is good.", "fr": "C'est bon."},
        "translate English to French: That is good.",
        "C'est bon.",
        ("C'est bon.",),
    ),
    (
        "translate_en_ro",
        {"en": "That is good.", "ro": "E bine."},
        "translate English to Romanian: That is good.",
        "E bine.",
        ("E bine.",),
    ),
    (
        "sentiment",
        {"text": "This movie is terrible!", "label": 0},
        "sentiment: This movie is terrible!",
        "negative",
        ("negative",),
    ),
    (
        "rotten_tomatoes",
        {"text": "a thought-provoking picture .", "label": 1},
        "rotten_tomatoes sentence: a thought-provoking picture .",
        "positive",
        ("positive",),
    ),
    (
        "subj",
        {"text": "bears is bad .", "label": 1},
        "subj sentence: bears is bad .",
        "subjective",
        ("subjective",),
    ),
    (
        "trec",
        {"text": "Where was Lincoln assassinated ?", "coarse_label": 4},
        "trec question: Where was Lincoln assassinated ?",
        "loc",
        ("loc",),
    ),
]


@pytest.mark.parametrize(("name", "raw", "inputs", "targets", "references"), LITERAL, ids=[case[0] for case in LITERAL])
def test_a_raw_record_becomes_the_papers_text(name, raw, inputs, targets, references):
    (example,) = find(name).format(raw)
    assert (example.inputs, example.targets, example.references) == (inputs, targets, references)


def test_every_task_has_a_literal_test():
    assert {case[0] for case in LITERAL} == set(TASKS)


def test_every_task_is_filed_under_its_name_and_has_known_metrics():
    for name, task in TASKS.items():
        assert task.name == name
        assert task.metrics
        for metric in task.metrics:
            check_name(metric, name)  # raises if there is no such metric


@pytest.mark.parametrize(
    ("score", "target"),
    [(0, "0.0"), (5.0, "5.0"), (3.25, "3.2"), (2.3, "2.4"), (0.1, "0.0"), (0.3, "0.4"), (4.75, "4.8"), ("1.8", "1.8")],
)
def test_similarity_is_rounded_half_to_even_in_32_bits(score, target):
    assert TASKS["stsb"].format({"sentence1": "a", "sentence2": "b", "label": score})[0].targets == target


def test_record_gives_one_example_an_answer_with_all_answers_as_references():
    raw = {
        "passage": "x",
        "query": "q",
        "entities": ["A", "B", "C"],
        "answers": ["A", "C"],
        "idx": {"passage": 1, "query": 2},
    }
    examples = TASKS["record"].format(raw)
    assert [example.targets for example in examples] == ["A", "C"]
    assert {example.references for example in examples} == {("1-2", "A", "C")}


def test_wsc_trains_on_true_referents_only():
    raw = {"text": MITCHELL, "span1_text": "Tom", "span2_text": "he", "span2_index": 4, "label": 0}
    (example,) = TASKS["wsc"].format(raw)
    assert not example.trains
    assert example.references == ("Tom", "False")


def test_wsc_takes_the_official_file_and_pronouns_with_punctuation():
    target = {"span1_text": "Ann", "span2_text": "her", "span2_index": 3, "span1_index": 0}
    (example,) = TASKS["wsc"].format({"text": "Ann wants what's her's.", "target": target, "label": True})
    assert example.inputs == "wsc: Ann wants what's *her*'s."
    with pytest.raises(MalformedRecord, match="not the pronoun"):
        TASKS["wsc"].format({"text": "Ann likes tea .", "target": target, "label": True})


def test_official_nested_files_equal_flat_records():
    nested = {
        "idx": 5,
        "passage": {
            "text": "<b>Sent 1: </b>P.<br>",
            "questions": [
                {
                    "idx": 29,
                    "question": "Q?",
                    "answers": [{"idx": 1, "text": "A", "label": 1}, {"text": "B", "label": 0}],
                }
            ],
        },
    }
    first, second = TASKS["multirc"].format(nested)
    assert first.inputs == "multirc question: Q? answer: A paragraph: Sent 1: P. "
    assert (second.targets, second.references) == ("False", ("False", "5-29"))
    cloze = {
        "idx": 4,
        "passage": {"text": "Rome fell.", "entities": [{"start": 0, "end": 3}, {"start": 0, "end": 3}]},
        "qas": [{"idx": 9, "query": "@placeholder fell", "answers": [{"text": "Rome"}]}],
    }
    (example,) = TASKS["record"].format(cloze)
    assert example.inputs == "record query: @placeholder fell entities: Rome passage: Rome fell."
    assert example.references == ("4-9", "Rome")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"label": 1}, "missing_field"),
        ({"sentence": 5, "label": 1}, "bad_field"),
        ({"sentence": "x", "label": 7}, "unknown_label"),
        ({"sentence": "x", "label": 0.5}, "unknown_label"),
        ({"sentence": "x", "label": float("nan")}, "unknown_label"),
        ({"sentence": "x", "label": "great"}, "unknown_label"),
        ({"sentence": "x", "label": -1}, "no_label"),
        ({"sentence": "x", "label": None}, "no_label"),
        ({"sentence": "x", "label": ""}, "no_label"),
        ({"sentence": "x", "labels": 1}, "missing_field"),
    ],
)
def test_a_record_that_is_not_an_example_says_why(record, reason):
    with pytest.raises(MalformedRecord) as caught:
        list(convert(record, "sst2"))
    assert caught.value.reason == reason
    assert isinstance(caught.value, Unlabelled) == (reason == "no_label")


def test_a_users_task_is_scored_by_its_name_or_by_the_given_metrics():
    assert find_or_make("my_task").metrics == ("accuracy",)
    assert find_or_make("translate_en_it").metrics == ("bleu",)
    assert find_or_make("my_task", ["squad"]).metrics == ("squad",)
    assert find_or_make("sst2", ["f1"]).labels == ("negative", "positive")
    with pytest.raises(UserError, match=r"unknown metric of .*'bloo'"):
        find_or_make("my_task", ["bloo"])
    with pytest.raises(UserError, match="unknown task"):
        find("my_task")
