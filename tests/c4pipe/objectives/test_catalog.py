"""The catalog: whole objectives, independent of how examples are grouped, with overflows and trimming counted."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c4pipe.errors import UserError
from c4pipe.objectives.catalog import OBJECTIVES, Parameters, find
from c4pipe.objectives.randomness import example_keys, stream_key

SIZE = 32_100


def corrupt(name, lengths, seed=0, size=SIZE, num_extra_ids=100, **parameters):
    made = OBJECTIVES[name].configure(Parameters(**parameters), size, num_extra_ids)
    lengths = np.minimum(np.asarray(lengths), made.lengths.tokens)
    tokens = np.random.default_rng(seed).integers(3, size - num_extra_ids, (len(lengths), made.lengths.tokens))
    tokens[np.arange(tokens.shape[1]) >= lengths[:, None]] = 0
    keys = example_keys(stream_key(seed, 0, "train", 0), np.arange(len(lengths)))
    return made, tokens, lengths, keys


def test_the_catalog_has_every_row_of_the_papers_tables():
    of_the_paper = {name: objective for name, objective in OBJECTIVES.items() if objective.table}
    assert set(of_the_paper) == {
        *("lm", "prefix_lm", "bert_style", "mass_style", "deshuffling"),
        *("replace_spans", "drop_tokens", "span_corruption"),
    }
    separate = {name for name, objective in of_the_paper.items() if not objective.concatenates}
    assert separate == {"prefix_lm", "deshuffling"}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_examples_do_not_depend_on_how_they_are_grouped(name):
    corruption, tokens, lengths, keys = corrupt(name, [10**6] * 20 + [1, 2, 7, 190, 300])
    whole = corruption(tokens, lengths, keys)
    totals = dict.fromkeys(whole.counts, 0)
    for rows in (slice(0, 3), slice(3, 4), slice(4, 25)):
        part = corruption(tokens[rows], lengths[rows], keys[rows])
        assert np.array_equal(part.inputs, whole.inputs[rows])
        assert np.array_equal(part.targets, whole.targets[rows])
        assert np.array_equal(part.input_lengths, whole.input_lengths[rows])
        for count in totals:
            totals[count] += part.counts[count]
    assert totals == whole.counts


@pytest.mark.parametrize("name", OBJECTIVES)
def test_ids_end_with_eos_then_pad_and_lengths_say_where(name):
    corruption, tokens, lengths, keys = corrupt(name, [10**6] * 5 + [1, 2, 50])
    made = corruption(tokens, lengths, keys)
    for ids, found in ((made.inputs, made.input_lengths), (made.targets, made.target_lengths)):
        for row, length in zip(ids, found, strict=True):
            assert (row[length:] == 0).all() and (row[:length] != 0).all()
            assert not length or row[length - 1] == 1


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_objective_tells_the_truth_about_itself(name):
    objective = OBJECTIVES[name]
    corruption, tokens, lengths, keys = corrupt(name, [10**6] * 40, targets_length=600)
    made = corruption(tokens, lengths, keys)
    assert (len(set(made.input_lengths)) == 1) >= objective.fixed_inputs
    assert (len(set(made.target_lengths)) == 1) >= objective.fixed_targets
    sentinels = {part: np.count_nonzero(getattr(made, part) >= SIZE - 100, axis=1) for part in ("inputs", "targets")}
    assert bool(sentinels["targets"].any()) == objective.targets_have_sentinels
    if name != "bert_style":  # its random tokens may be any
        assert bool(sentinels["inputs"].any()) == (objective.sentinels != "none")
    texts = [
        sorted(int(token) for ids in (made.inputs[row], made.targets[row]) for token in ids if 1 < token < SIZE - 100)
        for row in range(len(lengths))
    ]
    once = all(text == sorted(tokens[row, : lengths[row]].tolist()) for row, text in enumerate(texts))
    assert once == objective.keeps_tokens_once


@pytest.mark.parametrize("known", [name for name, objective in OBJECTIVES.items() if objective.paper_targets_lengths])
def test_a_new_objective_of_iid_noise_gets_room_for_its_targets(known):
    new = replace(OBJECTIVES[known], name="new", paper_targets_lengths={})
    corruption = new.configure(Parameters(), SIZE, 100)
    _, tokens, lengths, keys = corrupt(known, [10**6] * 200)
    assert corruption.lengths.targets == {"replace_spans": 188, "drop_tokens": 104}[known]
    assert corruption(tokens, lengths, keys).counts["trimmed_targets"] <= 2


def test_full_examples_of_span_corruption_fill_their_lengths_exactly():
    for density, mean in ((0.10, 3.0), (0.15, 3.0), (0.15, 5.0), (0.5, 3.0)):
        corruption, tokens, lengths, keys = corrupt(
            "span_corruption", [10**6] * 30, noise_density=density, mean_noise_span_length=mean
        )
        made = corruption(tokens, lengths, keys)
        assert (made.input_lengths <= 512).all() and (made.input_lengths >= 511).all()
        assert (made.target_lengths == corruption.lengths.targets).all()
        assert made.counts["trimmed_inputs"] == made.counts["trimmed_targets"] == 0


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(name for name, objective in OBJECTIVES.items() if objective.restore is not None)),
    inputs_length=st.integers(4, 200),
    density=st.floats(0.02, 0.9),
    mean=st.floats(1.0, 12.0),
    lengths=st.lists(st.integers(1, 400), min_size=1, max_size=6),
    seed=st.integers(0, 2**40),
)
def test_the_text_comes_back_whatever_the_parameters(name, inputs_length, density, mean, lengths, seed):
    objective = OBJECTIVES[name]
    parameters = {"inputs_length": inputs_length, "targets_length": 6000}
    if objective.noise_density is not None:
        parameters["noise_density"] = density
    if objective.mean_noise_span_length is not None:
        parameters["mean_noise_span_length"] = mean
    try:
        corruption, tokens, lengths, keys = corrupt(name, lengths, seed, **parameters)
    except UserError as error:  # noise so dense that its targets outgrow even these
        assert "too short" in str(error) or "sentinels do not fit" in str(error)
        return
    made = corruption(tokens, lengths, keys)
    if made.counts["trimmed_inputs"] or made.counts["trimmed_targets"] or made.counts["overflowed"]:
        return
    for row, length in enumerate(lengths):
        assert objective.restored(made.inputs[row], made.targets[row], SIZE) == tokens[row, :length].tolist()


def test_more_spans_than_sentinels_run_into_real_pieces_and_are_counted():
    corruption, tokens, lengths, keys = corrupt(
        "span_corruption", [10**6] * 10 + [40], noise_density=0.5, mean_noise_span_length=2.0
    )
    made = corruption(tokens, lengths, keys)
    assert corruption.lengths.spans == 170
    assert made.counts["overflowed"] == 10  # the short one has few
    assert (np.sort(made.targets[0])[::-1][:1] == SIZE - 1).all()
    assert SIZE - 170 in made.inputs[0]  # the 170th sentinel is a real piece's id


def test_strict_refuses_spans_that_run_out_of_sentinels():
    few = {"noise_density": 0.5, "mean_noise_span_length": 2.0, "overflow": "strict"}
    with pytest.raises(UserError, match="--num_extra_ids=170"):
        corrupt("span_corruption", [10], **few)
    corruption, tokens, lengths, keys = corrupt("span_corruption", [10**6], num_extra_ids=170, size=32_170, **few)
    assert corruption(tokens, lengths, keys).counts["overflowed"] == 0
    corruption, tokens, lengths, keys = corrupt("replace_spans", [10**6] * 300, noise_density=0.25, overflow="strict")
    with pytest.raises(UserError, match="--overflow=parity"):  # 96 spans are expected, some examples have over 100
        corruption(tokens, lengths, keys)


def test_iid_targets_that_are_too_long_are_trimmed_and_counted():
    corruption, tokens, lengths, keys = corrupt("replace_spans", [10**6] * 500, noise_density=0.10)
    made = corruption(tokens, lengths, keys)
    assert made.targets.shape[1] == 103
    full = (made.target_lengths == 103).sum()
    assert 0 < made.counts["trimmed_targets"] <= full
    assert (made.targets[made.target_lengths == 103, 102] == 1).all()
    roomy = OBJECTIVES["replace_spans"].configure(Parameters(noise_density=0.10, targets_length=512), SIZE, 100)
    lengths_without_trimming = roomy(tokens, lengths, keys).target_lengths
    assert (lengths_without_trimming > 103).sum() == made.counts["trimmed_targets"]
    assert 96.5 < lengths_without_trimming.mean() < 99.5  # 98 are expected, with a standard error of 0.5


def test_a_vocabulary_that_sentinels_would_use_up_is_an_error():
    with pytest.raises(UserError, match="do not fit"):
        corrupt("span_corruption", [5], size=25, num_extra_ids=0)
    with pytest.raises(UserError, match="--overflow=parity"):
        corrupt("mass_style", [5], num_extra_ids=0, overflow="strict")


def test_ids_of_a_large_vocabulary_are_wide():
    corruption, tokens, lengths, keys = corrupt("span_corruption", [10**6], size=250_100)
    made = corruption(tokens, lengths, keys)
    assert made.inputs.dtype == np.uint32 and made.inputs.max() == 250_099


def test_an_unknown_objective_names_those_there_are():
    with pytest.raises(UserError, match="span_corruption"):
        find("guessing")


def test_a_corruption_travels_to_workers():
    corruption, tokens, lengths, keys = corrupt("bert_style", [10**6, 4])
    again = pickle.loads(pickle.dumps(corruption))
    assert again == corruption
    assert np.array_equal(again(tokens, lengths, keys).inputs, corruption(tokens, lengths, keys).inputs)
