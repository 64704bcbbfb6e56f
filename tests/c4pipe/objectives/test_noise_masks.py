"""Noise masks: deterministic parts equal the reference, random parts have the same distribution."""

from collections import Counter
from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy import stats

from c4pipe.objectives import noise_masks
from c4pipe.objectives.randomness import example_keys, stream_key

ALPHA = 1e-6  # see test_randomness


def keys(count, seed=0):
    return example_keys(stream_key(seed, 0, "train", 0), np.arange(count))


def random_spans(*arguments):
    """As a mask, whether spans or a mask were drawn."""
    drawn = noise_masks.random_spans(*arguments)
    return drawn.mask if isinstance(drawn, noise_masks.Spans) else drawn


def full(count, length):
    return np.full(count, length)


def runs(mask):
    """[(is noise, length), ...] of one mask."""
    found = []
    for value in mask.tolist():
        if found and found[-1][0] == value:
            found[-1][1] += 1
        else:
            found.append([value, 1])
    return found


def reference_counts(length, density, mean):
    """The reference's arithmetic, written down plainly: float32, half to even."""
    length = max(length, 2)
    noise = int(np.round(np.float32(length) * np.float32(density)))
    noise = min(max(noise, 1), length - 1)
    spans = max(int(np.round(np.float32(noise) / np.float32(mean))), 1)
    return noise, spans


def reference_mask(length, density, mean, shuffle):
    """The reference's mask, one example at a time: flags shuffled, summed up to segments, laid out in turn."""
    noise, spans = reference_counts(length, density, mean)

    def segments(num_items):
        flags = [True] * (spans - 1) + [False] * (num_items - spans)
        lengths = [1]
        for starts_new in shuffle(flags):
            if starts_new:
                lengths.append(1)
            else:
                lengths[-1] += 1
        return lengths

    noise_lengths, other_lengths = segments(noise), segments(max(length, 2) - noise)
    mask = []
    for other, span in zip(other_lengths, noise_lengths, strict=True):
        mask += [False] * other + [True] * span
    return mask[:length]


@pytest.mark.parametrize("density", [0.1, 0.15, 0.25, 0.5])
@pytest.mark.parametrize("mean", [1.0, 2.0, 3.0, 5.0, 10.0])
def test_noise_tokens_and_spans_of_every_length_are_the_references(density, mean):
    for length in [*range(1, 80), 150, 190, 350, 390, 511, 568, 682]:
        noise, spans = reference_counts(length, density, mean)
        if spans > max(length, 2) - noise:
            continue  # the reference's graph fails; see the test below
        masks = random_spans(full(4, length), length, density, mean, keys(4))
        for mask in masks:
            if length == 1:
                assert mask.tolist() == [False]
                continue
            found = runs(mask)
            assert mask.sum() == noise
            assert sum(is_noise for is_noise, _ in found) == spans
            assert not found[0][0] and found[-1][0]


def test_rounding_is_that_of_float32():
    differing = [n for n in range(2, 2000) if noise_masks.span_counts(n, 0.15, 3.0)[0] != max(round(n * 0.15), 1)]
    assert differing[:4] == [190, 350, 390, 430] or {190, 350, 390} <= set(differing)


def test_where_the_reference_fails_spans_are_as_many_as_other_tokens():
    assert noise_masks.span_counts(3, 0.5, 1.0) == (2, 1)
    mask = random_spans(full(8, 3), 3, 0.5, 1.0, keys(8))
    assert (mask == [False, True, True]).all()


def test_lengths_of_a_block_do_not_influence_each_other():
    lengths = np.array([568, 3, 1, 568, 190, 2, 77, 568, 190])
    together = random_spans(lengths, 568, 0.15, 3.0, keys(9))
    for row, length in enumerate(lengths):
        alone = random_spans(full(1, length), length, 0.15, 3.0, keys(9)[row : row + 1])
        assert np.array_equal(together[row, :length], alone[0])
        assert not together[row, length:].any()


@pytest.mark.parametrize(
    ("length", "density", "mean"), [(10, 0.5, 2.0), (12, 0.4, 1.5), (9, 0.3, 3.0), (20, 0.15, 3.0), (11, 0.6, 3.0)]
)
def test_all_masks_that_there_are_come_equally_often(length, density, mean):
    noise, spans = noise_masks.span_counts(length, density, mean)
    num_masks = comb(noise - 1, spans - 1) * comb(length - noise - 1, spans - 1)
    drawn = random_spans(full(60_000, length), length, density, mean, keys(60_000))
    counts = Counter(map(bytes, drawn))
    assert len(counts) == num_masks
    # And they are the reference's: those that its segments make of all shuffles.
    if num_masks <= 200:
        possible = set()
        for a in combinations(range(noise - 1), spans - 1):
            for b in combinations(range(length - noise - 1), spans - 1):
                chosen = iter([a, b])

                def shuffle(flags, chosen=chosen):
                    places = next(chosen)
                    return [place in places for place in range(len(flags))]

                possible.add(bytes(np.array(reference_mask(length, density, mean, shuffle), bool)))
        assert set(counts) == possible
    assert num_masks == 1 or stats.chisquare(list(counts.values())).pvalue > ALPHA


@pytest.mark.parametrize(("length", "density", "mean"), [(568, 0.15, 3.0), (682, 0.5, 2.0), (591, 0.15, 10.0)])
def test_spans_have_the_references_lengths_and_positions(length, density, mean):
    count = 3000
    ours = random_spans(full(count, length), length, density, mean, keys(count))
    random = np.random.default_rng(1)
    theirs = np.array(
        [reference_mask(length, density, mean, lambda flags: random.permutation(flags)) for _ in range(count)]
    )

    def table(masks, of_noise):
        return [size for mask in masks[::3] for is_noise, size in runs(mask) if is_noise == of_noise]

    for of_noise in (True, False):
        assert stats.ks_2samp(table(ours, of_noise), table(theirs, of_noise)).pvalue > ALPHA
    first_noise = [np.argmax(masks, axis=1) for masks in (ours, theirs)]
    assert stats.ks_2samp(*first_noise).pvalue > ALPHA
    # Noise at each place: a two-sample z score a place, the largest of all.
    rates = ours.mean(axis=0), theirs.mean(axis=0)
    error = np.sqrt(sum(rate * (1 - rate) / count for rate in rates))
    z = np.abs(rates[0] - rates[1])[error > 0] / error[error > 0]
    assert z.max() < stats.norm.isf(ALPHA / 2 / length)


def test_subsets_of_more_than_half_are_equally_likely_too():
    drawn = noise_masks.random_subset(7, 5, keys(40_000), 3)
    counts = Counter(map(tuple, drawn.tolist()))
    assert set(counts) == set(combinations(range(7), 5))
    assert stats.chisquare(list(counts.values())).pvalue > ALPHA


@pytest.mark.parametrize("density", [0.1, 0.15, 0.5])
def test_iid_noise_is_independent_with_its_density(density):
    mask = noise_masks.iid(full(4000, 511), 511, density, keys(4000))
    assert stats.binomtest(int(mask.sum()), mask.size, density).pvalue > ALPHA
    per_place = mask.sum(axis=0)
    z = (per_place - 4000 * density) / np.sqrt(4000 * density * (1 - density))
    assert np.abs(z).max() < stats.norm.isf(ALPHA / 2 / 511)
    pairs = int((mask[:, 1:] & mask[:, :-1])[:, ::2].sum())
    assert stats.binomtest(pairs, 4000 * 255, density**2).pvalue > ALPHA


def test_prefixes_are_equally_long_from_one_to_all_but_one():
    mask = noise_masks.prefix(full(50_000, 12), 12, keys(50_000))
    lengths = mask.sum(axis=1)
    assert (mask == (np.arange(12) < lengths[:, None])).all()
    counts = np.bincount(lengths, minlength=13)
    assert counts[0] == counts[12] == 0
    assert stats.chisquare(counts[1:12]).pvalue > ALPHA


def test_a_single_token_has_no_prefix():
    assert noise_masks.prefix(np.array([1, 2]), 5, keys(2)).sum(axis=1).tolist() == [0, 1]
