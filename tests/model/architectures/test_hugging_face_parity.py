"""Our numbers against `transformers.T5ForConditionalGeneration` with the same random weights."""

import pytest
import torch
from torch import Tensor

from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.architectures.t5 import Examples
from model.checkpoints import hugging_face

transformers = pytest.importorskip("transformers")

SMALL = ModelConfig(vocabulary_size=256, d_model=48, d_ff=96, d_kv=16, num_heads=4, num_layers=3, dropout_rate=0.0)
CASES = {
    "v1.0 tied": SMALL,
    "v1.0 untied": SMALL.with_(tie_embeddings=False),
    "v1.1 untied": SMALL.with_(feed_forward="gated_gelu", tie_embeddings=False),
    "v1.1 tied": SMALL.with_(feed_forward="gated_gelu"),
    "deeper decoder": SMALL.with_(num_layers=2, num_decoder_layers=4),
    "half": SMALL.with_(architecture="encoder_decoder_half", num_layers=4),
    "heads wider than the model": SMALL.with_(d_kv=32),
}
TOLERANCE = 1e-5


@pytest.fixture(scope="module", params=CASES)
def pair(request, theirs_of):
    """Our model and theirs, same weights."""
    config = CASES[request.param]
    ours = build_model(config, seed=3)
    return ours, theirs_of(ours)


def batch(padding: bool) -> tuple[Tensor, Tensor]:
    """Inputs longer than the largest exact distance, so that all position buckets are met."""
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randint(2, 250, (3, 150), generator=generator)
    targets = torch.randint(2, 250, (3, 40), generator=generator)
    if padding:
        inputs[1, 90:] = 0
        inputs[2, 1:] = 0
        targets[0, 33:] = 0
        targets[1, 2:] = 0
    return inputs, targets


def largest_difference(ours: Tensor, theirs: Tensor) -> float:
    """As a part of the largest value."""
    return float((ours - theirs).abs().max() / theirs.abs().max())


@pytest.mark.parametrize("padding", [False, True], ids=["full", "padded"])
def test_logits_loss_and_gradients_are_those_of_transformers(pair, padding):
    ours, theirs = pair
    inputs, targets = batch(padding)
    labels = targets.masked_fill(targets == 0, -100)
    ours.zero_grad()
    theirs.zero_grad()
    expected = theirs(input_ids=inputs, attention_mask=(inputs != 0).long(), labels=labels)
    with torch.no_grad():
        logits = ours.logits(Examples(inputs, targets))
    assert largest_difference(logits, expected.logits.detach()) < TOLERANCE
    loss = ours(Examples(inputs, targets))
    mean = loss.loss_sum / loss.num_tokens
    assert mean.item() == pytest.approx(expected.loss.item(), rel=TOLERANCE)
    mean.backward()
    expected.loss.backward()
    parameters = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        gradient = parameters[hugging_face.their_name(name, ours.config)].grad
        assert largest_difference(parameter.grad, gradient) < TOLERANCE, name
    correct = (expected.logits.argmax(-1) == targets)[targets != 0].sum()
    assert loss.num_correct == correct
    assert loss.num_tokens == (targets != 0).sum()


def test_a_promise_that_inputs_are_full_changes_nothing(pair):
    ours, _ = pair
    inputs, targets = batch(False)
    with torch.no_grad():
        promised = ours(Examples(inputs, targets, inputs_are_full=True)).loss_sum
        assert promised.item() == pytest.approx(ours(Examples(inputs, targets)).loss_sum.item(), rel=1e-6)


def test_positions_fall_into_the_same_buckets():
    from model.architectures.position_bias import buckets

    distances = torch.arange(-2000, 2000)
    theirs = transformers.models.t5.modeling_t5.T5Attention._relative_position_bucket
    for num_buckets, max_distance in ((32, 128), (32, 256), (16, 20)):
        for bidirectional in (True, False):
            ours = buckets(distances, bidirectional=bidirectional, num_buckets=num_buckets, max_distance=max_distance)
            assert torch.equal(ours, theirs(distances, bidirectional, num_buckets, max_distance))
