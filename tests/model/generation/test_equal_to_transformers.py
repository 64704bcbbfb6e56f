"""Greedy and beam search give the tokens of `transformers.generate`."""

import pytest
import torch

from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.architectures.t5 import Examples
from model.generation.beam_search import beam_search
from model.generation.greedy_search import greedy_search

pytest.importorskip("transformers")

SMALL = ModelConfig(vocabulary_size=128, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2, dropout_rate=0.0)
CASES = {"v1.0": SMALL, "v1.1": SMALL.with_(feed_forward="gated_gelu", tie_embeddings=False)}
MAX_LENGTH = 12


@pytest.fixture(scope="module", params=CASES)
def pair(request, theirs_of):
    """A model trained for a moment to repeat some of its inputs, so that its targets end here and there."""
    ours = build_model(CASES[request.param], seed=1)
    optimizer = torch.optim.Adam(ours.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        inputs = torch.randint(2, 128, (32, 20), generator=generator)
        lengths = inputs[:, :1] % 8 + 1
        targets = inputs[:, :9].masked_fill(torch.arange(9) > lengths, 0)
        targets.scatter_(1, lengths, 1)
        loss = ours(Examples(inputs, targets))
        optimizer.zero_grad()
        (loss.loss_sum / loss.num_tokens).backward()
        optimizer.step()
    return ours, theirs_of(ours)


@pytest.fixture(scope="module")
def inputs():
    ids = torch.randint(2, 128, (24, 20), generator=torch.Generator().manual_seed(2))
    for row in range(len(ids)):
        ids[row, 1 + row % 19 :] = 0
    return ids


def expected(theirs, inputs, **settings):
    generated = theirs.generate(
        input_ids=inputs, attention_mask=(inputs != 0).long(), max_new_tokens=MAX_LENGTH, do_sample=False, **settings
    )
    targets = generated[:, 1:]
    # Behind an ended hypothesis their beam search leaves EOS where the pad id is 0.
    ended_before = torch.nn.functional.pad((targets == 1).cumsum(1)[:, :-1], (1, 0)) > 0
    return targets.masked_fill(ended_before, 0)


def test_greedy_search(pair, inputs):
    ours, theirs = pair
    found, right = greedy_search(ours, inputs, max_length=MAX_LENGTH), expected(theirs, inputs)
    lengths = (right != 0).sum(1)
    assert len(set(lengths.tolist())) > 2, "the test wants examples that end at different steps"
    assert torch.equal(found, right)


@pytest.mark.parametrize("num_beams, length_penalty", [(4, 0.6), (4, 1.0), (2, 0.0), (3, 2.0), (5, -1.0)])
def test_beam_search(pair, inputs, num_beams, length_penalty):
    ours, theirs = pair
    found = beam_search(ours, inputs, max_length=MAX_LENGTH, num_beams=num_beams, length_penalty=length_penalty)
    right = expected(theirs, inputs, num_beams=num_beams, length_penalty=length_penalty)
    assert (right[:, -1] == 0).any(), "the test wants examples that end before others"
    assert torch.equal(found, right)


def test_an_examples_beams_do_not_depend_on_its_batch(pair, inputs):
    ours, _ = pair
    together = beam_search(ours, inputs, max_length=MAX_LENGTH)
    for row in (0, 7, 15):
        alone = beam_search(ours, inputs[row : row + 1], max_length=MAX_LENGTH)[0]
        assert torch.equal(together[row, : len(alone)], alone)
        assert not together[row, len(alone) :].any()
