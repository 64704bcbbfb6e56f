"""Mixtures: denoisers at exact rates, each as the reference makes it, and the text comes back from every example."""

import pickle
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from c4pipe.errors import UserError
from c4pipe.objectives.catalog import OBJECTIVES
from c4pipe.objectives.described import described
from c4pipe.objectives.mixture import LONGEST_ROUND, MIXTURES, Denoiser, Mixture, chosen
from c4pipe.objectives.objective import Parameters
from c4pipe.objectives.pieces import choose_chunks
from c4pipe.objectives.randomness import example_keys, stream_key

ALPHA = 1e-6  # see test_randomness
SIZE, EXTRA_IDS = 32_200, 200  # enough sentinels for 128 spans
STREAM = stream_key(3, 0, "train", 0)


def encode(text):
    return [20 + number for number, _ in enumerate(text)]


def configured(mixture=MIXTURES["ul2"], **parameters):
    return mixture.configure(Parameters(**parameters), SIZE, EXTRA_IDS, encode)


def mixture_of(rates):
    denoisers = tuple(Denoiser(f"d{number}", OBJECTIVES["prefix_lm"], rate) for number, rate in enumerate(rates))
    return Mixture("made_up", "", denoisers)


def pages_of(num_pages, seed=0):
    random = np.random.default_rng(seed)
    lengths = random.integers(0, 900, num_pages)
    return choose_chunks(random.integers(3, 32_000, lengths.sum()).astype(np.uint16), lengths, 0, STREAM)


def test_ul2_is_the_papers_table_1():
    rows = [
        (part.objective.name, part.parameters.mean_noise_span_length, part.parameters.noise_density, part.prefix)
        for part in configured(mode_tokens="nlu").parts
    ]
    assert rows == [
        ("r_denoiser", 3.0, 0.15, "[NLU]"),
        ("r_denoiser", 8.0, 0.15, "[NLU]"),
        ("s_denoiser", None, None, "[S2S]"),
        ("x_denoiser", 3.0, 0.5, "[NLG]"),
        ("x_denoiser", 8.0, 0.5, "[NLG]"),
        ("x_denoiser", 64.0, 0.15, "[NLG]"),
        ("x_denoiser", 64.0, 0.5, "[NLG]"),
    ]
    assert {denoiser.rate for denoiser in MIXTURES["ul2"].denoisers} == {1.0}
    assert [part.prefix for part in configured(mode_tokens="rsx").parts] == ["[R]", "[R]", "[S]", *["[X]"] * 4]


@pytest.mark.parametrize(
    ("inputs_length", "raw_tokens", "targets"),
    # What t5 0.9.4's `random_spans_helper` returns; for `s`, inputs less EOS and the largest targets.
    [
        (512, [568, 588, 511, 766, 908, 600, 1006], [114, 100, 512, 512, 512, 92, 512]),
        (509, [565, 585, 508, 762, 904, 597, 1000], [114, 100, 509, 509, 509, 92, 509]),
        (1024, [1137, 1178, 1023, 1534, 1818, 1200, 2014], [229, 200, 1024, 1024, 1024, 184, 1024]),
    ],
)
def test_lengths_of_each_denoiser_are_the_references(inputs_length, raw_tokens, targets):
    corruption = configured(inputs_length=inputs_length)
    assert [part.lengths.tokens for part in corruption.parts] == raw_tokens
    assert [part.lengths.targets for part in corruption.parts] == targets
    assert corruption.lengths.inputs == inputs_length and corruption.lengths.targets == max(targets)
    assert corruption.mean_tokens == pytest.approx(np.mean(raw_tokens))


# Means of 20,000 masks of t5 0.9.4's `random_spans_noise_mask` at 512 inputs, seeds `stateless_split((7, i), 2)`, run
# with tensorflow 2.21: noise tokens and spans; place of the first noise token, longest span, sum of squared span
# lengths, noise tokens in the first half (mean and standard deviation of each).
REFERENCE = {
    "r_3_15": (85, 28, (17.2867, 16.2924), (10.3414, 2.5548), (419.7501, 57.3602), (41.1785, 8.5569)),
    "r_8_15": (88, 11, (45.5144, 41.2709), (23.1009, 6.1330), (1216.5331, 264.6531), (40.5015, 14.7954)),
    "x_3_50": (383, 128, (2.9897, 2.4290), (13.8607, 2.9238), (1897.6087, 131.5987), (190.8389, 9.7679)),
    "x_8_50": (454, 57, (7.9779, 7.3160), (35.0995, 8.3293), (6674.1663, 786.7390), (225.0350, 19.7138)),
    "x_64_15": (90, 1, (510.0, 0.0), (90.0, 0.0), (8100.0, 0.0), (0.0, 0.0)),
    "x_64_50": (503, 8, (63.4325, 55.5864), (169.6009, 45.5240), (55719.5255, 13926.6962), (235.0462, 61.7944)),
}
REFERENCE_COUNT = 20_000


@pytest.mark.parametrize("name", REFERENCE)
def test_spans_of_each_denoiser_are_distributed_as_the_references(name):
    count = 5_000
    corruption = configured()
    part = corruption.parts[corruption.denoiser_names.index(name)]
    n = part.lengths.tokens
    keys = example_keys(STREAM, np.arange(count))
    parameters = part.parameters
    spans = part.objective.noise_mask(
        np.full(count, n), n, parameters.noise_density, parameters.mean_noise_span_length, keys
    )
    num_noise, num_spans, *moments = REFERENCE[name]
    span_lengths = spans.ends - spans.starts
    assert (span_lengths.sum(axis=1) == num_noise).all() and spans.starts.shape[1] == num_spans
    columns = (spans.starts[:, 0], span_lengths.max(axis=1), (span_lengths**2).sum(axis=1))
    for column, (mean, deviation) in zip((*columns, spans.mask[:, : n // 2].sum(axis=1)), moments, strict=True):
        if not deviation:
            assert (column == mean).all()
            continue
        error = deviation * (1 / count + 1 / REFERENCE_COUNT) ** 0.5
        assert 2 * stats.norm.sf(abs(column.mean() - mean) / error) > ALPHA
        # Standard deviations agree too; the tails are heavier than a normal distribution's, so the bound is wide.
        assert column.std() == pytest.approx(deviation, rel=0.1)


def test_the_prefixes_of_s_are_uniform():
    part = configured().parts[2]
    count = 20_000
    mask = part.objective.noise_mask(np.full(count, 511), 511, 0.0, 0.0, example_keys(STREAM, np.arange(count)))
    # The reference's `random_prefix_noise_mask` draws uniformly from [1, 511).
    observed = np.bincount(mask.sum(axis=1), minlength=511)
    assert observed[0] == 0 and len(observed) == 511
    assert stats.chisquare(observed[1:]).pvalue > ALPHA


@pytest.mark.parametrize("rates", [[1] * 7, [0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.2], [3, 1], [5]])
def test_rates_are_exact_in_every_round(rates):
    corruption = configured(mixture_of(rates))
    length = {7: 7, 2: 4, 1: 1}[len(rates)] if len(set(rates)) < 3 and 0.2 not in rates else 10
    drawn = corruption.denoisers_of(STREAM, 0, 50 * length).reshape(50, length)
    expected = np.array(rates) / sum(rates) * length
    for one_round in drawn:
        assert np.bincount(one_round, minlength=len(rates)).tolist() == pytest.approx(expected.tolist())
    assert len({tuple(one_round) for one_round in drawn.tolist()}) > 1 or len(rates) == 1


def test_rates_that_no_round_can_hold_are_exact_on_average():
    rates = [0.123457, 0.6, 0.0005, 1.0]
    corruption = configured(mixture_of(rates))
    rounds = corruption.denoisers_of(STREAM, 0, 3000 * LONGEST_ROUND).reshape(-1, LONGEST_ROUND)
    for number, rate in enumerate(rates):
        counts = (rounds == number).sum(axis=1)
        share = rate / sum(rates) * LONGEST_ROUND
        assert set(np.unique(counts)) <= {int(share), int(share) + 1}
        assert abs(counts.mean() - share) < 5 * 0.5 / len(counts) ** 0.5


def test_denoisers_come_in_random_order():
    corruption = configured()
    firsts = [int(corruption.denoisers_of(stream_key(0, 0, "train", shard), 0, 1)[0]) for shard in range(3000)]
    assert stats.chisquare(np.bincount(firsts, minlength=7)).pvalue > ALPHA
    drawn = corruption.denoisers_of(STREAM, 0, 70_000).reshape(-1, 7).tolist()
    pairs = Counter(pair for one_round in drawn for pair in pairwise(one_round))
    assert len(pairs) == 42 and stats.chisquare(list(pairs.values())).pvalue > ALPHA


def test_a_denoiser_is_a_pure_function_of_stream_and_number():
    corruption = configured()
    whole = corruption.denoisers_of(STREAM, 0, 1000)
    for first, count in ((0, 1), (5, 20), (7, 7), (13, 600), (999, 1), (4, 0)):
        assert np.array_equal(corruption.denoisers_of(STREAM, first, count), whole[first : first + count])
    assert not np.array_equal(corruption.denoisers_of(STREAM + 1, 0, 1000), whole)


@pytest.mark.parametrize("mode_tokens", ["none", "nlu", "rsx"])
def test_the_text_comes_back_from_every_denoiser(mode_tokens):
    corruption = configured(mode_tokens=mode_tokens)
    pages = pages_of(300)
    pieces = corruption.cut(pages, STREAM, 0)
    made = corruption.corrupt(pieces, example_keys(STREAM, np.arange(len(pieces.lengths))))
    ways = described(corruption.settings)
    assert set(pieces.denoisers.tolist()) == set(range(7))
    restored = []
    for row, denoiser in enumerate(pieces.denoisers):
        tokens = ways[denoiser].restored(made.inputs[row], made.targets[row], SIZE)
        assert tokens == pieces.tokens[row, : pieces.lengths[row]].tolist()
        assert tuple(made.inputs[row][: len(corruption.parts[denoiser].prefix_ids)]) == (
            corruption.parts[denoiser].prefix_ids
        )
        restored += tokens
    assert restored == pages.tokens.tolist()
    assert made.counts["trimmed_inputs"] == made.counts["trimmed_targets"] == made.counts["overflowed"] == 0
    for name in ("examples", "raw_tokens"):
        by_denoiser = [made.counts[f"{name}/{denoiser}"] for denoiser in corruption.denoiser_names]
        assert sum(by_denoiser) == {"examples": len(restored) and len(made.inputs), "raw_tokens": len(restored)}[name]


def test_an_example_is_what_its_denoiser_makes_alone():
    corruption = configured(inputs_length=128, mode_tokens="nlu")
    pieces = corruption.cut(pages_of(140), STREAM, 0)
    keys = example_keys(STREAM, np.arange(len(pieces.lengths)))
    made = corruption.corrupt(pieces, keys)
    for row in (0, 1, 57, len(keys) - 1):
        part = corruption.parts[pieces.denoisers[row]]
        alone = part(pieces.tokens[row : row + 1, : part.lengths.tokens], pieces.lengths[row : row + 1], keys[[row]])
        for column, ids in ((made.inputs, alone.inputs), (made.targets, alone.targets)):
            assert column[row, : ids.shape[1]].tolist() == ids[0].tolist() and not column[row, ids.shape[1] :].any()
    blocks = [corruption.corrupt(block, keys[start : start + 64]) for start, block in zip(
        range(0, len(keys), 64), pieces.blocks(64), strict=True
    )]  # fmt: skip
    assert np.array_equal(np.concatenate([block.inputs for block in blocks]), made.inputs)
    assert np.array_equal(np.concatenate([block.targets for block in blocks]), made.targets)
    assert sum((Counter(block.counts) for block in blocks), Counter()) == +Counter(made.counts)


def test_pieces_do_not_depend_on_how_groups_are_read():
    corruption = configured()
    pages = pages_of(400)
    whole = corruption.cut(pages, STREAM, 0)
    first = corruption.cut(pages[:128], STREAM, 0)
    rest = corruption.cut(pages[128:], STREAM, len(first.lengths))
    for name in ("tokens", "lengths", "rows", "offsets", "num_pages", "denoisers"):
        assert np.array_equal(np.concatenate([getattr(first, name), getattr(rest, name)]), getattr(whole, name))
    full = np.array([part.lengths.tokens for part in corruption.parts])[whole.denoisers]
    assert (whole.lengths <= full).all() and (whole.lengths < full).sum() <= 4  # the last piece of each group


def test_a_language_model_among_denoisers_has_its_prefix_and_eos_as_inputs():
    lm = Denoiser("lm", OBJECTIVES["lm"], prefix="go")
    corruption = configured(Mixture("both", "", (lm, Denoiser("s", OBJECTIVES["s_denoiser"]))), inputs_length=64)
    pieces = corruption.cut(pages_of(20), STREAM, 0)
    made = corruption.corrupt(pieces, example_keys(STREAM, np.arange(len(pieces.lengths))))
    rows = pieces.denoisers == 0
    assert (made.inputs[rows][:, :3] == (20, 21, 1)).all() and not made.inputs[rows][:, 3:].any()


def test_strict_names_the_denoiser_that_runs_out_of_sentinels():
    with pytest.raises(UserError, match=r"ul2: denoiser x_3_50: .* 128 sentinels"):
        MIXTURES["ul2"].configure(Parameters(overflow="strict"), 32_100, 100, encode)


def test_flags_that_a_mixture_does_not_have_are_errors():
    with pytest.raises(UserError, match="each denoiser of ul2 has its own --noise_density"):
        configured(noise_density=0.2)
    with pytest.raises(UserError, match="denoiser x_3_50: --targets_length=200 is too short"):
        configured(targets_length=200)
    with pytest.raises(UserError, match="did you mean ul2"):
        chosen("ul3")


def test_the_digest_tells_mixtures_apart():
    ul2 = MIXTURES["ul2"]
    rarer = replace(ul2, denoisers=(replace(ul2.denoisers[0], rate=2.0), *ul2.denoisers[1:]))
    made = [configured(ul2), configured(rarer), configured(ul2, mode_tokens="nlu"), configured(ul2, inputs_length=256)]
    assert len({corruption.settings["denoisers_sha256"] for corruption in made}) == 4


def test_a_mixture_travels_to_workers():
    corruption = configured(mode_tokens="nlu")
    corruption.denoisers_of(STREAM, 0, 10)
    again = pickle.loads(pickle.dumps(corruption))
    assert again == corruption and np.array_equal(
        again.denoisers_of(STREAM, 0, 99), corruption.denoisers_of(STREAM, 0, 99)
    )
