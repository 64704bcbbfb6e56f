"""Dropout's masks are a function of (seed, step, example, place)."""

import itertools

import pytest
import torch

from model.architectures import dropout
from model.architectures.attention import plain_attention
from model.architectures.catalog import ARCHITECTURES, build_model
from model.architectures.config import ModelConfig
from model.architectures.t5 import Examples

SMALL = ModelConfig(vocabulary_size=128, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2, dropout_rate=0.2)


def test_the_kept_share_is_even_over_examples_features_and_steps():
    rate = 0.1
    kept = torch.stack(
        [
            dropout.scale(dropout.place(dropout.example_keys(7, step, torch.arange(300)), 3), 400, rate, torch.float32)
            for step in range(20)
        ]
    )
    assert kept.unique().tolist() == [0.0, pytest.approx(1 / 0.9)]
    dropped = (kept == 0).float()
    for dims, count in (((0, 1, 2), 1), ((1, 2), 20), ((0, 2), 300), ((0, 1), 400)):
        mean = dropped.mean(dims)
        sigma = (rate * (1 - rate) / (dropped.numel() / count)) ** 0.5
        assert (mean - rate).abs().max() < 5 * sigma
    # Neighbours in any direction, and different places, have nothing to do with each other.
    centred = dropped - dropped.mean()
    for dim in range(3):
        length = dropped.shape[dim] - 1
        product = centred.narrow(dim, 0, length) * centred.narrow(dim, 1, length)
        assert product.mean().abs() / centred.var() < 5 / product.numel() ** 0.5
    keys = dropout.example_keys(7, 0, torch.arange(300))
    places = [dropout.scale(dropout.place(keys, n), 400, 0.5, torch.float32) for n in range(4)]
    assert all((a != b).float().mean().item() == pytest.approx(0.5, abs=0.01) for a, b in itertools.pairwise(places))


def test_seed_step_and_example_each_change_the_key():
    keys = [dropout.example_keys(seed, step, torch.arange(100)) for seed in range(3) for step in range(3)]
    assert len(torch.cat(keys).unique()) == 900
    assert torch.equal(keys[0], dropout.example_keys(0, 0, torch.arange(100)))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_loss_does_not_depend_on_how_the_batch_is_cut(architecture):
    model = build_model(SMALL.with_(architecture=architecture))
    inputs, targets = torch.randint(2, 128, (6, 10)), torch.randint(2, 128, (6, 5))
    keys = dropout.example_keys(0, 4, torch.arange(100, 106))
    whole = model(Examples(inputs, targets), dropout_keys_B=keys).loss_sum
    parts = [
        model(Examples(inputs[rows], targets[rows]), dropout_keys_B=keys[rows]).loss_sum
        for rows in ([0, 1, 2], [3], [5, 4])
    ]
    assert sum(parts).item() == pytest.approx(whole.item(), rel=1e-5)
    assert model(Examples(inputs, targets), dropout_keys_B=keys + 1).loss_sum != whole
    assert model(Examples(inputs, targets)).loss_sum != whole


def test_activation_checkpointing_computes_the_same():
    model = build_model(SMALL)
    inputs, targets = torch.randint(2, 128, (3, 10)), torch.randint(2, 128, (3, 5))
    keys = dropout.example_keys(0, 0, torch.arange(3))
    gradients = []
    for on in (False, True):
        model.set_activation_checkpointing(on)
        model.zero_grad()
        model(Examples(inputs, targets), dropout_keys_B=keys).loss_sum.backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_dropping_value_rows_is_dropping_attention_weights():
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, 5, 4, generator=generator) for _ in range(3))
    kept = dropout.scale(dropout.example_keys(0, 0, torch.arange(2)), 3 * 5, 0.4, torch.float32).view(2, 3, 5)
    weights = torch.softmax(q @ k.transpose(2, 3), -1) * kept[:, :, None, :]
    torch.testing.assert_close(plain_attention(q, k, v * kept[..., None], None), weights @ v)
