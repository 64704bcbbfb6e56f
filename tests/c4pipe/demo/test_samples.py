"""What the demo shows at its end."""

from c4pipe.demo import __main__ as demo
from c4pipe.demo import run
from c4pipe.demo.gaps import Gap, fillings, gaps_of
from c4pipe.demo.samples import NUM_JUDGED, judged, lines_of, num_right


def test_each_gap_is_shown_with_its_context_its_answer_and_the_right_one():
    first, second = gaps_of(
        "Thank you <extra_id_0> me to your party <extra_id_1> week.",
        "<extra_id_0> for inviting <extra_id_1> last",
        "<extra_id_0> for inviting <extra_id_1> next",
    )
    assert first == Gap("Thank you", "me to your party", "for inviting", "for inviting")
    assert second == Gap("me to your party", "week.", "next", "last")
    assert num_right([first, second]) == 1


def test_long_context_is_cut_to_the_text_beside_the_gap():
    (gap,) = gaps_of(f"{'a' * 100} b <extra_id_0> c {'d' * 100}", "<extra_id_0> x", "")
    assert gap.before.endswith("a b") and gap.after.startswith("c d") and len(gap.before) == len(gap.after) == 44
    assert gap.answer is None and lines_of(gap)[1] == "    model: (no answer)   right: 'x'"


def test_a_model_that_repeats_a_sentinel_is_taken_at_its_first_word():
    assert fillings("<extra_id_0> a <extra_id_0> b") == {0: "a"}


def test_control_characters_of_a_page_do_not_reach_the_terminal():
    (gap,) = gaps_of("a\x1b[31m <extra_id_0> b", "<extra_id_0> \x1b[0m", "<extra_id_0> \x07")
    assert "\x1b" not in "".join(lines_of(gap)) and "\x07" not in "".join(lines_of(gap))


def test_the_gaps_are_counted_beside_those_that_the_most_frequent_filling_would_get():
    gaps = [Gap("", "", answer, right) for answer, right in (("the", "the"), ("a", "a"), (None, "the"), ("the", "of"))]
    first, second = judged(gaps[:1], gaps, "the")
    assert "1 of these 1 gaps are right, and 2 of all 4 gaps" in first and "2 would be" in first
    assert "'the'" in second


def test_noise_that_begins_the_text_is_before_the_first_sentinel_of_the_targets():
    first, second = gaps_of(
        "<extra_id_0> me to <extra_id_1> week.", "Thank <extra_id_0> last <extra_id_1>", "Take <extra_id_0> last"
    )
    assert (first.answer, first.right) == ("Take", "Thank")
    assert (second.answer, second.right) == (None, "last")


def test_the_training_holds_out_as_many_examples_as_are_judged(tmp_path):
    flags = demo.parser().parse_args([f"--output={tmp_path}"])
    plan = run.Plan(**{name: value for name, value in vars(flags).items() if name not in ("output", "dry_run")})
    assert f"--validation_examples={NUM_JUDGED}" in run.stages(plan, str(tmp_path))["pretrain"]
