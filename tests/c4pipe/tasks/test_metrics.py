"""Metrics on awkward cases, against the official definitions."""

import numpy as np
import pytest

from c4pipe.errors import UserError
from c4pipe.tasks import metrics
from c4pipe.tasks.answers import exact_match, names_referent, token_f1
from c4pipe.tasks.catalog import TASKS, benchmark_averages, find_or_make


def values(name, references, predictions):
    return {key: score.value for key, score in metrics.score(TASKS[name], references, predictions).items()}


def one_each(texts):
    return [(text,) for text in texts]


def test_an_output_that_is_not_a_label_is_wrong():
    references = one_each(["positive", "negative", "positive", "negative"])
    assert values("sst2", references, ["positive", "Negative", "", "negative film"]) == {"accuracy": 25.0}


def test_f1_counts_an_invalid_output_as_the_other_label():
    # truth 1 1 0 0, outputs 1 invalid invalid 0 -> 1 0 1 0: one of two found, one of two right.
    references = one_each(["equivalent", "equivalent", "not_equivalent", "not_equivalent"])
    found = values("mrpc", references, ["equivalent", "yes", "", "not_equivalent"])
    assert found == {"f1": pytest.approx(50.0), "accuracy": 50.0}


def test_f1_is_zero_if_the_class_neither_occurs_nor_is_predicted():
    assert values("qqp", one_each(["not_duplicate"] * 3), ["not_duplicate"] * 3)["f1"] == 0.0


def test_matthews_correlation_by_its_formula_and_with_invalid_outputs():
    truth = ["acceptable"] * 6 + ["unacceptable"] * 4
    outputs = ["acceptable"] * 4 + ["unacceptable"] * 2 + ["unacceptable"] * 3 + ["acceptable"]
    # tp 4, fn 2, tn 3, fp 1
    by_hand = (4 * 3 - 1 * 2) / np.sqrt(5 * 6 * 4 * 5)
    assert values("cola", one_each(truth), outputs)["matthews_correlation"] == pytest.approx(100 * by_hand)
    assert values("cola", one_each(truth), ["acceptable"] * 10)["matthews_correlation"] == 0.0
    invalid = values("cola", one_each(truth), ["so so", *outputs[1:]])["matthews_correlation"]
    assert 0 < invalid < 100 * by_hand


def test_mean_f1_of_cb_takes_all_three_labels_and_no_fourth():
    references = one_each(["entailment", "entailment", "contradiction", "neutral"])
    # F1: entailment 2/3 (one invalid), contradiction 1, neutral 0.
    found = values("cb", references, ["entailment", "maybe", "contradiction", "contradiction"])
    assert found["mean_f1"] == pytest.approx(100 * (2 / 3 + 2 / 3 + 0) / 3)
    assert found["accuracy"] == 50.0


def test_to_correlations_a_text_that_is_not_a_number_is_below_the_scale():
    from scipy import stats

    references = one_each(["0.0", "1.0", "2.6", "4.0", "5.0"])
    outputs = ["0.2", "1.0", "lots", "nan", "5.0"]
    found = values("stsb", references, outputs)
    truth, output = [0.0, 1.0, 2.6, 4.0, 5.0], [0.2, 1.0, -1.0, -1.0, 5.0]
    assert found["pearson"] == pytest.approx(100 * stats.pearsonr(truth, output)[0])
    assert found["spearman"] == pytest.approx(100 * stats.spearmanr(truth, output)[0])


def test_constant_outputs_correlate_with_nothing():
    assert values("stsb", one_each(["0.0", "5.0"]), ["2.0", "2.0"]) == {"pearson": 0.0, "spearman": 0.0}


AWKWARD = [
    ("The U.S.", "us"),
    ("the", ""),
    ("theatre", "atre"),
    ("10,000", "10000"),
    ("$5–$6", "5 6"),
    ("a  an  THE cat", "Cat!"),
    ("naïve  café", "naïve café"),
    ("an apple a day", "apple day apple"),
    ("x y z", "z y x w"),
    ("'quoted'", "quoted"),
    ("don't", "dont"),
]


@pytest.mark.parametrize(("reference", "output"), AWKWARD)
def test_answers_compare_as_in_the_official_squad_script(reference, output):
    official = pytest.importorskip("transformers.data.metrics.squad_metrics")
    assert exact_match([reference], output) == bool(official.compute_exact(reference, output))
    if official.get_tokens(reference) and official.get_tokens(output):
        assert token_f1([reference], output) == pytest.approx(official.compute_f1(reference, output))
    else:
        # Version 1.1 of the script has no rule for empty answers: nothing in common is 0.
        assert token_f1([reference], output) == 0.0


def test_squad_takes_the_best_reference():
    found = values("squad", [("red house", "the old house"), ("x",)], ["an old house", "y"])
    assert found == {"exact_match": 50.0, "f1": 50.0}


def test_record_counts_a_query_once():
    references = [("1-1", "A", "B"), ("1-1", "A", "B"), ("1-2", "C")]
    assert values("record", references, ["B", "wrong", "wrong"]) == {"exact_match": 50.0, "f1": 50.0}


def test_multirc_scores_answers_by_f1_and_questions_by_exact_match():
    references = [("True", "q1"), ("False", "q1"), ("True", "q2"), ("True", "q3")]
    found = values("multirc", references, ["True", "False", "False", "maybe"])
    # 1 true positive, 2 false negatives (one is invalid), 0 false positives. Only question 1 is completely right.
    assert found["f1"] == pytest.approx(50.0)
    assert found["exact_match"] == pytest.approx(100 / 3)


def test_multirc_an_invalid_output_for_a_false_answer_is_a_false_positive():
    found = values("multirc", [("True", "q"), ("False", "q")], ["True", "no idea"])
    assert found["f1"] == pytest.approx(100 * 2 / 3)


@pytest.mark.parametrize(
    ("output", "noun", "same"),
    [
        ("the bunny", "fuzzy bunny", True),
        ("The Fuzzy Bunny", "bunny", True),
        ("Bob", "Bob's hat", False),
        ("Bob's", "his Bob's hat", True),
        ("", "Bob", False),
        ("Tom", "Bob", False),
    ],
)
def test_wsc_compares_nouns_without_determiners(output, noun, same):
    assert names_referent(output, noun) is same
    assert values("wsc", [(noun, "True"), (noun, "False")], [output, output]) == {"accuracy": 50.0}


def test_bleu_is_sacrebleus_with_international_tokens_and_says_its_signature():
    import sacrebleu

    outputs = ["Das ist gut .", "„Ein Hund“ läuft schnell.", ""]
    references = ["Das ist gut.", "„Ein Hund“ läuft sehr schnell.", "Nichts"]
    expected = sacrebleu.corpus_bleu(outputs, [references], tokenize="intl").score
    (score,) = metrics.score(TASKS["translate_en_de"], one_each(references), outputs).values()
    assert score.value == pytest.approx(expected)
    assert "tok:intl" in score.note and "smooth:exp" in score.note
    low, high = score.interval(0)
    assert low <= score.value <= high or expected == 0


def test_bleu_takes_outputs_with_different_numbers_of_references():
    import sacrebleu

    outputs = ["the cat sat on the mat", "a dog ran fast today"]
    references = [("the cat sat on the mat", "a cat was on the mat"), ("a dog ran fast today",)]
    (score,) = metrics.score(TASKS["translate_en_fr"], references, outputs).values()
    expected = sacrebleu.corpus_bleu(outputs, [[r[0] for r in references], ["a cat was on the mat", None]])
    assert score.value == pytest.approx(expected.score) == pytest.approx(100.0)


def test_rouge_is_the_mean_over_outputs_with_sentences_split():
    from rouge_score import rouge_scorer

    reference, output = "the cat sat . the dog ran .", "the dog ran . the cat sat ."
    found = values("cnn_dailymail", [(reference,), ("x y",)], [output, ""])
    expected = rouge_scorer.RougeScorer(["rougeLsum"]).score(
        reference.replace(" . ", " .\n"), output.replace(" . ", " .\n")
    )
    assert found["rougeLsum"] == pytest.approx(50 * expected["rougeLsum"].fmeasure)
    assert found["rouge1"] == pytest.approx(50.0)


def test_an_interval_holds_the_score_and_narrows_with_more_outputs():
    def interval(repeats):
        references = one_each(["positive", "negative", "positive", "negative"] * repeats)
        outputs = ["positive", "negative", "positive", "positive"] * repeats
        return metrics.score(TASKS["sst2"], references, outputs)["accuracy"].interval(1)

    narrow, wide = interval(100), interval(5)
    assert narrow[0] < 75 < narrow[1] and wide[0] < 75 < wide[1]
    # A binomial's 95% at n = 400: 75 +- 4.24
    assert narrow == (pytest.approx(70.75, abs=0.8), pytest.approx(79.25, abs=0.8))
    assert wide[1] - wide[0] > 3 * (narrow[1] - narrow[0])
    assert interval(5) == wide


def test_an_interval_of_a_score_that_is_not_a_mean_resamples_whole_questions():
    references = [("True", f"q{number // 2}") for number in range(40)]
    outputs = ["True" if number % 4 else "False" for number in range(40)]
    score = metrics.score(TASKS["multirc"], references, outputs)["f1"]
    low, high = score.interval(3)
    assert low < score.value < high


def test_a_label_task_of_ones_own_takes_the_labels_that_occur():
    task = find_or_make("mine", ["mean_f1"])
    found = metrics.score(task, one_each(["x", "y", "x"]), ["x", "z", "x"])
    assert found["mean_f1"].value == pytest.approx(50.0)


def test_ready_records_of_a_known_task_may_have_other_labels():
    references = one_each(["same", "other", "same", "other"])
    found = values("mrpc", references, ["same", "same", "?", "other"])
    # The second label by the alphabet is `same`: one found of two, one falsely found.
    assert found == {"f1": pytest.approx(50.0), "accuracy": 50.0}
    with pytest.raises(UserError, match="two labels"):
        values("mrpc", one_each(["a", "b", "c"]), ["a", "b", "c"])


def test_no_outputs_are_an_error():
    with pytest.raises(ValueError, match="0 outputs"):
        metrics.score(TASKS["sst2"], [], [])


def test_a_benchmark_averages_tasks_and_counts_mnli_once():
    averages = benchmark_averages(
        {
            "cola": {"matthews_correlation": 40.0},
            "mrpc": {"f1": 90.0, "accuracy": 80.0},
            "mnli_matched": {"accuracy": 70.0},
            "mnli_mismatched": {"accuracy": 72.0},
            "wnli": {"accuracy": 0.0},
            "trec": {"accuracy": 1.0},
            "cb": {"mean_f1": 50.0, "accuracy": 60.0},
        }
    )
    assert averages == {"glue": pytest.approx((40 + 85 + 71) / 3), "super_glue": 55.0}
