"""What is drawn follows the distribution, and does not depend on the batch."""

import pytest
import torch

from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.architectures.dropout import example_keys, uniform
from model.generation.generate import generate_ids
from model.generation.sampling import Sampling, draw

DRAWS = 40_000
PROBABILITIES = torch.tensor([0.4, 0.05, 0.3, 0.15, 0.1])


def shares(sampling):
    keys = example_keys(sampling.seed, 3, torch.arange(DRAWS))
    tokens = draw(PROBABILITIES.log().expand(DRAWS, -1), uniform(keys), sampling)
    return torch.bincount(tokens, minlength=5) / DRAWS


@pytest.mark.parametrize(
    "sampling, expected",
    [
        (Sampling(), PROBABILITIES),
        (Sampling(seed=7, temperature=2.0), PROBABILITIES.sqrt() / PROBABILITIES.sqrt().sum()),
        (Sampling(top_k=2), torch.tensor([4 / 7, 0, 3 / 7, 0, 0])),
        (Sampling(top_p=0.8), torch.tensor([0.4, 0, 0.3, 0.15, 0]) / 0.85),
        (Sampling(top_p=0.35), torch.tensor([1.0, 0, 0, 0, 0])),
        (Sampling(top_k=3, top_p=0.6), torch.tensor([4 / 7, 0, 3 / 7, 0, 0])),
        (Sampling(temperature=1e-4), torch.tensor([1.0, 0, 0, 0, 0])),
    ],
)
def test_tokens_are_drawn_as_often_as_their_probability_says(sampling, expected):
    found = shares(sampling)
    assert not found[expected == 0].any()
    deviation = (expected * (1 - expected) / DRAWS).sqrt()
    assert ((found - expected).abs() <= 5 * deviation + 1e-9).all(), (found, expected)


def test_random_numbers_are_uniform_over_texts_places_and_seeds():
    for numbers in (
        uniform(example_keys(0, 5, torch.arange(DRAWS))),
        torch.cat([uniform(example_keys(0, place, torch.tensor([9]))) for place in range(4000)]),
        torch.cat([uniform(example_keys(seed, 0, torch.tensor([0]))) for seed in range(4000)]),
    ):
        assert float(numbers.min()) >= 0 and float(numbers.max()) < 1
        counts = torch.histc(numbers, 10, 0, 1)
        expected = len(numbers) / 10
        assert float(((counts - expected) ** 2 / expected).sum()) < 33.7  # chi-squared, 9 degrees: 1e-4


@pytest.mark.parametrize("architecture", ["encoder_decoder", "prefix_lm"])
def test_a_text_does_not_depend_on_its_batch_and_differs_from_an_equal_one(architecture):
    model = build_model(
        ModelConfig(architecture, vocabulary_size=128, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2), seed=1
    ).eval()
    chance = torch.Generator().manual_seed(0)
    examples = [torch.randint(2, 128, (1 + 3 * n % 7,), generator=chance).tolist() for n in range(9)]
    examples[8] = examples[7]
    settings = {"max_length": 12, "sampling": Sampling(seed=5, temperature=3.0, top_k=50)}
    together = generate_ids(model, examples, batch_size=9, **settings)
    assert generate_ids(model, examples, batch_size=2, **settings) == together
    assert generate_ids(model, examples[:4], batch_size=1, **settings) == together[:4]
    assert together[7] != together[8]
    other = {**settings, "sampling": Sampling(seed=6, temperature=3.0, top_k=50)}
    assert generate_ids(model, examples, **other) != together
