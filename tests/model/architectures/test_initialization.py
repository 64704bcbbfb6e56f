"""Initial values: the deviations of the paper's code, the same for a parameter at any place."""

import pytest
import torch

from model.architectures.catalog import ARCHITECTURES, build_model
from model.architectures.config import ModelConfig
from model.architectures.t5 import Examples

CONFIG = ModelConfig(vocabulary_size=512, d_model=64, d_ff=160, d_kv=16, num_heads=8, num_layers=2)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("feed_forward", ["relu", "gated_gelu"])
def test_deviations(architecture, feed_forward):
    config = CONFIG.with_(architecture=architecture, feed_forward=feed_forward, tie_embeddings=feed_forward == "relu")
    expected = {
        "embedding": 1.0,
        "head": 64**-0.5,
        "position_bias": 64**-0.5,
        "query": (64 * 16) ** -0.5,
        "key": 64**-0.5,
        "value": 64**-0.5,
        "output": (8 * 16) ** -0.5,
        "wi": 64**-0.5,
        "wi_0": 64**-0.5,
        "wi_1": 64**-0.5,
        "wo": 160**-0.5,
    }
    for name, parameter in build_model(config, seed=0).named_parameters():
        part = name.split(".")[-2]
        if part.endswith("norm"):
            assert (parameter == 1).all()
            continue
        tolerance = 5 / (2 * parameter.numel()) ** 0.5  # five standard errors of a standard deviation
        assert parameter.std().item() == pytest.approx(expected[part], rel=tolerance), name
        assert abs(parameter.mean().item()) < 5 * expected[part] / parameter.numel() ** 0.5, name


def test_a_parameter_does_not_depend_on_what_else_there_is():
    small, deep = build_model(CONFIG, seed=4), build_model(CONFIG.with_(num_layers=3), seed=4)
    others = dict(deep.named_parameters())
    assert all(torch.equal(parameter, others[name]) for name, parameter in small.named_parameters())
    other_seed = dict(build_model(CONFIG, seed=5).named_parameters())
    name = "encoder.layers.0.self_attention.query.weight"
    assert not torch.equal(other_seed[name], others[name])


def test_the_first_loss_is_near_that_of_a_uniform_guess():
    inputs, targets = torch.randint(2, 512, (4, 30)), torch.randint(2, 512, (4, 20))
    for tied in (True, False):
        loss = build_model(CONFIG.with_(tie_embeddings=tied))(Examples(inputs, targets))
        assert 6.0 < loss.loss_sum.item() / loss.num_tokens.item() < 7.5  # ln 512 = 6.24
