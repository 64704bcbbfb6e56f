"""Compares every architecture's facts about itself with what it does. A new architecture is covered by the catalog."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from model.architectures import attention, catalog, linear
from model.architectures.catalog import ARCHITECTURES, build_model
from model.architectures.config import ModelConfig
from model.architectures.encoder_decoder import EncoderDecoder
from model.architectures.layers import FEED_FORWARDS
from model.architectures.size import Training, size_of
from model.architectures.stack import Stack
from model.architectures.t5 import Examples
from model.checkpoints import hugging_face
from model.training.figures.throughput import flops_of_example

SMALL = ModelConfig(vocabulary_size=128, d_model=32, d_ff=48, d_kv=8, num_heads=3, num_layers=6)
S, T = 24, 16


class Lopsided(EncoderDecoder):
    """A decoder of twice the encoder's layers, whatever the config says of the decoder."""

    def _make_stacks(self, config):
        encoder = Stack(config, num_layers=config.num_layers // 2, has_cross_attention=False, bidirectional=True)
        decoder = Stack(config, num_layers=config.num_layers, has_cross_attention=True, bidirectional=False)
        return encoder, decoder


@pytest.fixture(params=[*ARCHITECTURES, "lopsided"])
def architecture(request, monkeypatch):
    monkeypatch.setitem(catalog.ARCHITECTURES, "lopsided", Lopsided)
    return request.param


@pytest.mark.parametrize("feed_forward", FEED_FORWARDS)
def test_operations_are_those_of_a_forward_pass(architecture, feed_forward, monkeypatch):
    monkeypatch.setattr(linear, "_may_use_onednn", lambda *_: False)  # PyTorch's counter does not know that operator
    model = build_model(SMALL.with_(architecture=architecture, feed_forward=feed_forward))
    ids = [torch.randint(2, 128, (1, length)) for length in (S, T)]
    monkeypatch.setitem(attention.IMPLEMENTATIONS, "fused", attention.plain_attention)  # nor this kernel
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(Examples(*ids))
    assert flops_of_example(model, S, T) / 3 == pytest.approx(counter.get_total_flops(), rel=1e-9)


def test_a_decoder_of_other_depth_is_counted_as_it_is(monkeypatch):
    monkeypatch.setitem(catalog.ARCHITECTURES, "lopsided", Lopsided)
    config = SMALL.with_(architecture="lopsided")
    same = SMALL.with_(num_layers=3, num_decoder_layers=6)
    assert flops_of_example(build_model(config), S, T) == flops_of_example(build_model(same), S, T)
    assert size_of(config, Training(4, S, T)) == size_of(same, Training(4, S, T))
    exported = hugging_face.config_json(config)
    assert (exported["num_layers"], exported["num_decoder_layers"]) == (3, 6)


def test_what_needs_inputs_says_so(architecture):
    """Without inputs an encoder has nothing to read, a decoder reads the targets alone."""
    model = build_model(SMALL.with_(architecture=architecture))
    assert model.needs_inputs == (len(model.passes(S, T)) > 1)
    if not model.needs_inputs:
        empty = torch.zeros(2, 0, dtype=torch.int64)
        assert torch.isfinite(model(Examples(empty, torch.full((2, T), 7))).loss_sum)


def test_every_pass_goes_through_a_stack_that_the_model_owns(architecture):
    model = build_model(SMALL.with_(architecture=architecture), device="meta")
    depths = {len(stack.layers) for stack in model.stacks()}
    assert {each.num_layers for each in model.passes(S, T)} <= depths
