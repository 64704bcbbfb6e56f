"""Leaving out padding changes only rounding: losses, gradients, dropout, and the sums over any split of a batch."""

import pytest
import torch

from model.architectures import unpadded
from model.architectures.catalog import ARCHITECTURES, build_model
from model.architectures.config import ModelConfig
from model.architectures.dropout import example_keys
from model.architectures.t5 import Examples

SMALL = ModelConfig(vocabulary_size=128, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2, dropout_rate=0.1)
B, S, T = 36, 20, 11  # more examples than two groups have


def examples_of_any_lengths():
    """Random ids with padding after them, and one id 0 before the end."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(1, 128, (B, S), generator=generator)
    targets = torch.randint(1, 128, (B, T), generator=generator)
    for row in range(B):
        inputs[row, 1 + row * 7 % S :] = 0
        targets[row, 1 + row * 5 % T :] = 0
    inputs[5, 3] = targets[5, 2] = 0
    return inputs, targets


def results(model, inputs, targets, part=slice(None)):
    """The sums of a batch, and the gradients."""
    keys = example_keys(0, 1, torch.arange(B))[part]
    model.zero_grad()
    loss = model(Examples(inputs[part], targets[part]), dropout_keys_B=keys, z_loss=1e-4)
    loss.loss_sum.backward()
    return torch.stack([value.detach().double() for value in loss]), [p.grad.clone() for p in model.parameters()]


def assert_same(found, right):
    torch.testing.assert_close(found[0], right[0], rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(found[1], right[1], strict=True):
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("checkpointing", [False, True])
def test_losses_and_gradients_are_those_of_the_padded_batch(architecture, checkpointing, monkeypatch):
    model = build_model(SMALL.with_(architecture=architecture), seed=1)
    model.set_activation_checkpointing(checkpointing)
    inputs, targets = examples_of_any_lengths()
    rows = []
    model.decoder.final_norm.register_forward_hook(lambda module, arguments, output: rows.append(output.shape[:-1]))
    found = results(model, inputs, targets)
    without = rows[-1].numel()
    monkeypatch.setattr(unpadded, "saves", lambda *ids, pad_id: False)
    assert_same(found, results(model, inputs, targets))
    padded = rows[-1].numel()
    num_tokens = int((targets != 0).sum()) + (0 if hasattr(model, "encoder") else int((inputs != 0).sum()))
    assert num_tokens <= without <= num_tokens + 2 < padded  # two places hold an id 0


@pytest.mark.parametrize("num_shares", [2, 4])
def test_the_sums_of_shares_are_those_of_the_whole_batch(num_shares):
    model = build_model(SMALL, seed=1)
    inputs, targets = examples_of_any_lengths()
    size = B // num_shares
    shares = [results(model, inputs, targets, part=slice(start, start + size)) for start in range(0, B, size)]
    sums = sum(share[0] for share in shares)
    gradients = [sum(parts) for parts in zip(*(share[1] for share in shares), strict=True)]
    assert_same((sums, gradients), results(model, inputs, targets))


def test_bf16_is_close_to_float32():
    model = build_model(SMALL, seed=1)
    inputs, targets = examples_of_any_lengths()
    right = results(model, inputs, targets)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = results(model, inputs, targets)
    torch.testing.assert_close(found[0][:3], right[0][:3], rtol=2e-2, atol=2e-2)


def test_an_example_without_inputs_has_a_finite_loss():
    model = build_model(SMALL, seed=1)
    inputs, targets = examples_of_any_lengths()
    inputs[3] = 0
    sums, gradients = results(model, inputs, targets)
    assert sums.isfinite().all() and all(gradient.isfinite().all() for gradient in gradients)


def test_padding_is_computed_if_there_is_little_of_it_or_shapes_must_not_change():
    inputs, targets = examples_of_any_lengths()
    assert unpadded.saves(inputs, targets, pad_id=0)
    assert not unpadded.saves(inputs.clamp(min=1), targets.clamp(min=1), pad_id=0)
    assert not unpadded.saves(inputs.to("meta"), targets.to("meta"), pad_id=0)
    with torch._subclasses.FakeTensorMode() as mode:
        assert not unpadded.saves(mode.from_tensor(inputs), mode.from_tensor(targets), pad_id=0)
