"""The model is one graph for torch.compile: no break, and a new step compiles nothing anew."""

import pytest
import torch

from model.architectures.catalog import ARCHITECTURES, build_model
from model.architectures.config import ModelConfig
from model.architectures.dropout import example_keys
from model.architectures.t5 import Examples

CONFIG = ModelConfig(vocabulary_size=128, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2, dropout_rate=0.1)

OTHERS = [name for name in ARCHITECTURES if name != "encoder_decoder"]


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch._dynamo.reset()


def gradients(model, function, step, bf16=False):
    generator = torch.Generator().manual_seed(step)
    inputs = torch.randint(0, 128, (3, 12), generator=generator).to(torch.uint16)
    targets = torch.randint(0, 128, (3, 7), generator=generator).to(torch.uint16)
    model.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        keys = example_keys(0, step, torch.arange(3))
        loss = function(Examples(inputs, targets), dropout_keys_B=keys, z_loss=1e-4)
    (loss.loss_sum / loss.num_tokens).backward()
    return loss, [parameter.grad.clone() for parameter in model.parameters()]


@pytest.mark.parametrize(
    "architecture", ["encoder_decoder", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
)
def test_one_graph_with_the_same_gradients(architecture):
    """The eager backend of AOT autograd: it traces as Inductor does, and needs no C++ compiler."""
    model = build_model(CONFIG.with_(architecture=architecture))
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True, dynamic=False)
    for step in range(3):
        loss, found = gradients(model, compiled, step)
        expected_loss, expected = gradients(model, model, step)
        assert loss.loss_sum.item() == pytest.approx(expected_loss.loss_sum.item(), rel=1e-5)
        assert loss.num_correct == expected_loss.num_correct
        for ours, right in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, right, rtol=0, atol=float(2e-5 * right.abs().max()))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


@pytest.mark.slow
def test_autocast_and_activation_checkpointing_compile_too():
    model = build_model(CONFIG)
    model.set_activation_checkpointing(True)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True, dynamic=False)
    _, found = gradients(model, compiled, 0, bf16=True)
    _, expected = gradients(model, model, 0, bf16=True)
    for ours, right in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, right, rtol=0, atol=float(5e-2 * right.abs().max()))
