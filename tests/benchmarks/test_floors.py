"""The operations of which the floors are computed are those of the share of peak that a run reports."""

import pytest

from benchmarks.gpu.floors import parts_of_step
from model.architectures.catalog import build_model
from model.architectures.presets import preset
from model.training.figures.throughput import flops_of_example


@pytest.mark.parametrize("name", ["t5_v1_1_base", "t5_small"])
def test_the_parts_add_up_to_a_step(name):
    config = preset(name)
    parts = {part.name: part for part in parts_of_step(config, 64, 512, 114)}
    # Scores that the backward pass computes again do not count in the share of peak.
    attention = parts.pop("attention").flops * 3.0 / 3.5
    total = attention + sum(part.flops for part in parts.values())
    assert total == pytest.approx(64 * flops_of_example(build_model(config, device="meta"), 512, 114), rel=1e-9)
    assert parts["Adafactor"].floor(1e15, 1e12) == pytest.approx(parts["Adafactor"].num_bytes / 1e12)
