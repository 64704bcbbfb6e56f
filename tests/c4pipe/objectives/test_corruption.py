"""Corruption: every way of making inputs and targets equals the reference's, written down plainly, token by token."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from c4pipe.objectives import corruption, noise_masks
from c4pipe.objectives.corruption import Block, Sequences
from c4pipe.objectives.randomness import example_keys, stream_key

SIZE = 32_100
ALPHA = 1e-6  # see test_randomness


def block(seed, b=40, n=30, density=0.3, ragged=True):
    random = np.random.default_rng(seed)
    lengths = random.integers(1, n + 1, b) if ragged else np.full(b, n)
    tokens = random.integers(3, 32_000, (b, n)).astype(np.uint16)
    mask = random.random((b, n)) < density
    there = np.arange(n) < lengths[:, None]
    keys = example_keys(stream_key(seed, 0, "train", 0), np.arange(b))
    return Block(np.where(there, tokens, 0).astype(np.uint16), lengths, mask & there, keys, SIZE)


def examples(block):
    for tokens, mask, length in zip(block.tokens, block.noise_mask, block.lengths, strict=True):
        yield tokens[:length].tolist(), mask[:length].tolist()


def split(sequences):
    ends = np.cumsum(sequences.lengths)
    return [part.tolist() for part in np.split(sequences.values, ends[:-1])]


def unique_sentinels(tokens, mask):
    """One sentinel for each run of the mask, counting down from the last id."""
    result, sentinel, before = [], SIZE, False
    for token, is_noise in zip(tokens, mask, strict=True):
        if is_noise and not before:
            sentinel -= 1
            result.append(sentinel)
        elif not is_noise:
            result.append(token)
        before = is_noise
    return result


PLAIN = {
    "nothing": lambda tokens, mask: [],
    "all_tokens": lambda tokens, mask: tokens,
    "noise_tokens": lambda tokens, mask: [t for t, m in zip(tokens, mask, strict=True) if m],
    "other_tokens": lambda tokens, mask: [t for t, m in zip(tokens, mask, strict=True) if not m],
    "noise_spans_to_unique_sentinels": unique_sentinels,
    "other_spans_to_unique_sentinels": lambda tokens, mask: unique_sentinels(tokens, [not m for m in mask]),
    "noise_tokens_to_mask": lambda tokens, mask: [SIZE - 1 if m else t for t, m in zip(tokens, mask, strict=True)],
}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("ragged", [True, False])
@pytest.mark.parametrize("density", [0.0, 0.3, 0.9, 1.0])
def test_what_is_not_random_equals_the_reference(name, ragged, density):
    made = block(1, density=density, ragged=ragged)
    found = split(getattr(corruption, name)(made))
    assert found == [PLAIN[name](*example) for example in examples(made)]


def test_sentinels_are_counted_past_the_extra_ids():
    made = Block(
        np.full((1, 300), 5, np.uint16),
        np.array([300]),
        (np.arange(300) % 2 == 1)[None],
        np.zeros(1, np.uint64),
        SIZE,
    )
    found = corruption.noise_spans_to_unique_sentinels(made)
    assert found.sentinels.tolist() == [150]
    assert found.values[1::2].tolist() == [SIZE - 1 - n for n in range(150)]  # 32,099 down to 31,950: real pieces


def test_bert_style_replaces_nine_in_ten_noise_tokens_by_the_mask_and_others_by_any_id():
    made = block(2, b=2000, n=200, density=0.15)
    found = split(corruption.noise_tokens_to_mask_or_random(made))
    drawn = []
    for ids, (tokens, mask) in zip(found, examples(made), strict=True):
        assert len(ids) == len(tokens)
        for new, old, is_noise in zip(ids, tokens, mask, strict=True):
            if is_noise:
                drawn.append(new)
            else:
                assert new == old
    drawn = np.array(drawn)
    others = drawn[drawn != SIZE - 1]
    # A random token is the mask token itself one time in 32,097.
    assert stats.binomtest(len(others), len(drawn), 0.1 * (1 - 1 / (SIZE - 3))).pvalue > ALPHA
    assert others.min() >= 3 and others.max() < SIZE and (others >= 32_000).any()
    assert stats.kstest((others - 3) / (SIZE - 3), "uniform").pvalue > ALPHA


def test_permuting_keeps_other_tokens_and_the_multiset_of_noise():
    made = block(3, density=0.5)
    for ids, (tokens, mask) in zip(split(corruption.noise_tokens_permuted(made)), examples(made), strict=True):
        assert [t for t, m in zip(ids, mask, strict=True) if not m] == PLAIN["other_tokens"](tokens, mask)
        assert sorted(ids) == sorted(tokens)


def test_every_order_is_equally_likely():
    b = 24_000
    tokens = np.tile(np.array([11, 12, 13, 14, 0], np.uint16), (b, 1))
    keys = example_keys(stream_key(5, 0, "train", 0), np.arange(b))
    there = np.tile(np.array([1, 1, 1, 1, 0], bool), (b, 1))
    found = corruption.noise_tokens_permuted(Block(tokens, np.full(b, 4), there, keys, SIZE))
    _, counts = np.unique(found.values.reshape(b, 4), axis=0, return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > ALPHA


@pytest.mark.parametrize("lengths", [[3, 0, 5, 9, 4], [9, 9], [4, 4, 4], [0, 0], [1]])
def test_finishing_trims_appends_eos_and_pads(lengths):
    rows = [list(range(10, 10 + length)) for length in lengths]
    values = np.array([token for row in rows for token in row], np.uint16)
    ids, found_lengths, trimmed = corruption.finish(Sequences(values, np.array(lengths)), 5)
    for row, found, length in zip(rows, ids.tolist(), found_lengths, strict=True):
        expected = [*row[:4], 1]
        assert found == expected + [0] * (5 - len(expected))
        assert length == len(expected)
    assert trimmed == sum(length > 4 for length in lengths)


def test_a_length_of_zero_means_no_sequence_at_all():
    ids, lengths, trimmed = corruption.finish(Sequences(np.zeros(0, np.uint16), np.zeros(3, int)), 0)
    assert ids.shape == (3, 0) and lengths.tolist() == [0, 0, 0] and trimmed == 0


@pytest.mark.parametrize(("n", "density", "mean"), [(568, 0.15, 3.0), (766, 0.5, 3.0), (30, 0.4, 1.5), (2, 0.15, 3.0)])
def test_spans_give_the_same_as_their_mask(n, density, mean):
    plain = block(n, b=50, n=n, ragged=False)
    spans = noise_masks.random_spans(plain.lengths, n, density, mean, plain.keys)
    for name in PLAIN:
        become = getattr(corruption, name)
        ours, masked = become(replace(plain, noise=spans)), become(replace(plain, noise=spans.mask))
        assert np.array_equal(ours.values, masked.values), name
        assert ours.values.dtype == masked.values.dtype
        assert np.array_equal(ours.lengths, masked.lengths)
        assert np.array_equal(ours.sentinels, masked.sentinels)
    assert replace(plain, noise=spans).num_noise_tokens == replace(plain, noise=spans.mask).num_noise_tokens
