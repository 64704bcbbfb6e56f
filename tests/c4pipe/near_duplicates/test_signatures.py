"""The judge: pairs of a known similarity are found as often as 1 - (1 - s^8)^14 says."""

import numpy as np
import pytest

from c4pipe.near_duplicates.signatures import Banding, Signatures

SHARED_AND_OWN = 200  # shingles in the union of a pair
Z = 4.5  # standard deviations: one false alarm in 10^5


def planted_pairs(similarity: float, num_pairs: int, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """(shingles, counts) of pairs, page beside page, and their exact Jaccard similarity."""
    shared = round(similarity * SHARED_AND_OWN)
    own = (SHARED_AND_OWN - shared) // 2
    rng = np.random.default_rng(seed)
    numbers = rng.integers(0, 2**64, (num_pairs, shared + 2 * own), np.uint64)
    left, right = numbers[:, : shared + own], np.concatenate([numbers[:, :shared], numbers[:, shared + own :]], axis=1)
    shingles = np.stack([left, right], axis=1).reshape(-1)
    return shingles, np.full(2 * num_pairs, shared + own), shared / (shared + 2 * own)


@pytest.mark.parametrize("similarity", [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])
def test_pairs_are_found_as_often_as_their_similarity_says(similarity):
    num_pairs = 10_000
    shingles, counts, exact = planted_pairs(similarity, num_pairs, seed=round(similarity * 100))
    bands = Signatures().of_shingles(shingles, counts).reshape(num_pairs, 2, -1)
    found = (bands[:, 0] == bands[:, 1]).any(axis=1).sum()
    expected = Banding().probability(exact)
    spread = max(np.sqrt(num_pairs * expected * (1 - expected)), 1)
    assert abs(found - num_pairs * expected) < Z * spread


def test_other_bandings_follow_their_own_curve():
    banding, num_pairs = Banding(bands=4, rows_per_band=2), 4_000
    shingles, counts, exact = planted_pairs(0.4, num_pairs, seed=1)
    bands = Signatures(banding).of_shingles(shingles, counts).reshape(num_pairs, 2, -1)
    assert bands.shape[2] == 4
    found, expected = (bands[:, 0] == bands[:, 1]).any(axis=1).mean(), banding.probability(exact)
    assert abs(found - expected) < Z * np.sqrt(expected * (1 - expected) / num_pairs)


def test_a_signature_does_not_depend_on_the_pages_beside_it():
    signatures = Signatures()
    shingles = np.random.default_rng(3).integers(0, 2**64, 120_000, np.uint64)
    counts = np.array([1, 40_000, 7, 79_992])
    together = signatures.of_shingles(shingles, counts)
    ends = np.cumsum(counts)
    alone = [
        signatures.of_shingles(shingles[end - n : end], np.array([n])) for end, n in zip(ends, counts, strict=True)
    ]
    assert together.tolist() == np.concatenate(alone).tolist()


def test_only_texts_of_five_words_have_a_signature():
    pages, bands = Signatures().of_texts(["too short", "one two three four five", "", "One, two; three: four — five"])
    assert pages.tolist() == [1, 3] and bands.shape == (2, 14)
    assert bands[0].tolist() == bands[1].tolist()


def test_no_texts_give_no_signatures():
    pages, bands = Signatures().of_texts([])
    assert len(pages) == 0 and bands.shape == (0, 14)
