"""Lengths: every cell of the published table, and the lengths of the paper's other runs."""

import numpy as np
import pytest

from c4pipe.errors import UserError
from c4pipe.objectives import lengths
from c4pipe.objectives.catalog import OBJECTIVES, Parameters

# (density, mean span length) -> raw tokens, targets length, spans, for 512 inputs.
TABLE = {
    (0.10, 2): (538, 82, 27),
    (0.10, 3): (548, 74, 18),
    (0.10, 5): (556, 68, 11),
    (0.10, 10): (561, 63, 6),
    (0.15, 2): (552, 126, 42),
    (0.15, 3): (568, 114, 28),
    (0.15, 5): (581, 105, 17),
    (0.15, 10): (591, 99, 9),
    (0.25, 2): (584, 220, 73),
    (0.25, 3): (614, 206, 51),
    (0.25, 5): (639, 193, 32),
    (0.25, 10): (660, 182, 16),
    (0.50, 2): (682, 512, 170),
    (0.50, 3): (766, 512, 128),
    (0.50, 5): (852, 512, 85),
    (0.50, 10): (930, 512, 46),
}


@pytest.mark.parametrize(("density", "mean"), TABLE)
def test_every_cell_of_the_table(density, mean):
    found = lengths.span_corruption(512, density, mean)
    assert (found.tokens, found.targets, found.spans) == TABLE[density, mean]
    assert found.inputs == 512


@pytest.mark.parametrize("inputs_length", [16, 100, 114, 256, 511, 1024, 2048])
@pytest.mark.parametrize("density", [0.05, 0.15, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("mean", [1.0, 2.5, 3.0, 8.0])
def test_one_token_more_would_not_fit(inputs_length, density, mean):
    def inputs_of(tokens):
        noise = round(tokens * density)
        return tokens - noise + round(noise / mean) + 1

    found = lengths.span_corruption(inputs_length, density, mean)
    assert inputs_of(found.tokens) <= inputs_length
    if density != 0.5:  # there the reference may take one off
        assert inputs_of(found.tokens + 1) > inputs_length


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("lm", {}, (511, 0, 512)),
        ("lm", {"targets_length": 100}, (99, 0, 100)),
        ("prefix_lm", {}, (511, 512, 512)),
        ("bert_style", {}, (511, 512, 512)),
        ("mass_style", {}, (511, 512, 512)),
        ("deshuffling", {}, (511, 512, 512)),
        ("replace_spans", {}, (511, 512, 192)),
        ("replace_spans", {"noise_density": 0.10}, (511, 512, 103)),
        ("replace_spans", {"noise_density": 0.25}, (511, 512, 256)),
        ("replace_spans", {"noise_density": 0.50}, (511, 512, 512)),
        ("drop_tokens", {}, (511, 512, 104)),
        ("span_corruption", {}, (568, 512, 114)),
        ("span_corruption", {"targets_length": 128}, (568, 512, 128)),
    ],
)
def test_each_objective_has_the_lengths_of_its_run(name, parameters, expected):
    made = OBJECTIVES[name].configure(Parameters(**parameters), 32_100, 100).lengths
    assert (made.tokens, made.inputs, made.targets) == expected


@pytest.mark.parametrize("density", [0.1, 0.15, 0.4])
@pytest.mark.parametrize("has_sentinels", [True, False])
def test_the_distribution_of_iid_targets_is_that_of_drawn_masks(density, has_sentinels):
    random = np.random.default_rng(0)
    masks = random.random((20_000, 60)) < density
    drawn = masks.sum(axis=1)
    if has_sentinels:
        before = np.concatenate([np.ones((len(masks), 1), bool), masks[:, :-1]], axis=1)
        drawn += (~masks & before).sum(axis=1)
    expected = lengths._iid_targets(60, density, has_sentinels)
    assert expected.sum() == pytest.approx(1)
    # Mean of 20,000 draws: five standard errors, a false alarm in 1.7 million.
    mean = (expected * np.arange(61)).sum()
    variance = (expected * (np.arange(61) - mean) ** 2).sum()
    assert abs(drawn.mean() - mean) < 5 * np.sqrt(variance / len(masks))
    assert abs(drawn.var() / variance - 1) < 0.08


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("span_corruption", {"targets_length": 113}),
        ("span_corruption", {"noise_density": 0.0}),
        ("span_corruption", {"noise_density": 1.0}),
        ("span_corruption", {"noise_density": 0.999999, "mean_noise_span_length": 1e6}),
        ("span_corruption", {"mean_noise_span_length": 0.5}),
        ("span_corruption", {"inputs_length": 1}),
        ("span_corruption", {"overflow": "hope"}),
        ("lm", {"noise_density": 0.15}),
        ("replace_spans", {"mean_noise_span_length": 3.0}),
        ("drop_tokens", {"targets_length": 1}),
    ],
)
def test_parameters_that_do_not_go_together_are_errors(name, parameters):
    with pytest.raises(UserError):
        OBJECTIVES[name].configure(Parameters(**parameters), 32_100, 100)
