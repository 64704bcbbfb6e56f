"""Reading one token at a time gives the distributions of reading all at once, in every architecture."""

import pytest
import torch

from model.architectures.catalog import ARCHITECTURES, build_model
from model.architectures.config import ModelConfig
from model.architectures.t5 import Examples
from model.generation.greedy_search import greedy_search

LENGTH = 6


def model_of(architecture):
    return build_model(
        ModelConfig(architecture, vocabulary_size=128, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2), seed=1
    )


def padded_inputs():
    inputs = torch.randint(2, 128, (5, 11), generator=torch.Generator().manual_seed(0))
    inputs[1, 7:] = 0
    inputs[2, 1:] = 0
    inputs[3] = 0
    return inputs


@pytest.mark.parametrize("has_empty", [True, False])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_steps_give_the_logits_of_teacher_forcing(architecture, has_empty):
    model, inputs = model_of(architecture), padded_inputs()
    if not has_empty:  # then an encoder does not compute the padding
        inputs[3, :2] = 1
    targets = torch.randint(2, 128, (5, LENGTH), generator=torch.Generator().manual_seed(1))
    expected = model.logits(Examples(inputs, targets))
    decoding = model.start_decoding(inputs, LENGTH)
    found = [decoding.first_logits_NV]
    for place in range(LENGTH - 1):
        found.append(decoding.step(targets[:, place]))
    torch.testing.assert_close(torch.stack(found, 1), expected, rtol=0, atol=float(2e-5 * expected.abs().max()))


@torch.no_grad()
def test_the_encoder_does_not_compute_padding():
    model, inputs = model_of("encoder_decoder"), padded_inputs()
    inputs[3, :2] = 1
    rows = []
    model.encoder.final_norm.register_forward_hook(lambda module, arguments, output: rows.append(output.shape[:-1]))
    model.start_decoding(inputs, LENGTH)
    assert rows == [(int((inputs != 0).sum()),)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_rows_can_be_repeated_and_left_out(architecture):
    model, inputs = model_of(architecture), padded_inputs()
    targets = torch.randint(2, 128, (5, LENGTH), generator=torch.Generator().manual_seed(1))
    expected = model.logits(Examples(inputs, targets))
    tolerance = float(2e-5 * expected.abs().max())
    beams = model.start_decoding(inputs, LENGTH)
    beams.repeat(2)
    others = torch.randint(2, 128, (5,), generator=torch.Generator().manual_seed(2))
    beams.step(torch.stack([others, targets[:, 0]], 1).flatten())
    beams.select(torch.ones(5, 2, dtype=torch.int64))  # both beams go on from the second
    logits = beams.step(torch.stack([targets[:, 1], others], 1).flatten())
    torch.testing.assert_close(logits[0::2], expected[:, 2], rtol=0, atol=tolerance)
    beams.select(torch.zeros(5, 2, dtype=torch.int64))
    logits = beams.step(targets[:, 2].repeat_interleave(2))
    torch.testing.assert_close(logits[0::2], expected[:, 3], rtol=0, atol=tolerance)
    torch.testing.assert_close(logits[1::2], expected[:, 3], rtol=0, atol=tolerance)
    fewer = model.start_decoding(inputs, LENGTH)
    fewer.step(targets[:, 0])
    kept = torch.tensor([1, 4])
    fewer.select_examples(kept)
    torch.testing.assert_close(fewer.step(targets[kept, 1]), expected[kept, 2], rtol=0, atol=tolerance)


@pytest.mark.parametrize("architecture", ["encoder_decoder", "prefix_lm"])
def test_greedy_search_does_not_depend_on_the_batch(architecture):
    model, inputs = model_of(architecture), padded_inputs()
    with torch.no_grad():
        model.head_weight()[1].mul_(3.0)  # so that some end early
    together = greedy_search(model, inputs, max_length=9)
    for row in range(len(inputs)):
        alone = greedy_search(model, inputs[row : row + 1], max_length=9)[0]
        assert torch.equal(together[row, : len(alone)], alone)
        assert not together[row, len(alone) :].any()
