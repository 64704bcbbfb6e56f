"""torch.compile makes one graph of the model, or one of each kind of layer; a new step compiles nothing anew."""

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


# An encoder's layers have no cross-attention; a shared stack runs with and without it.
NUM_KINDS_OF_LAYERS = {
    "encoder_decoder": 2,
    "encoder_decoder_half": 2,
    "encoder_decoder_shared": 2,
    "decoder_lm": 1,
    "prefix_lm": 1,
}


def gradients(model, function, step, bf16=False, num_padding=0):
    generator = torch.Generator().manual_seed(step)
    inputs = torch.randint(0, 128, (3, 12), generator=generator).to(torch.uint16)
    targets = torch.randint(0, 128, (3, 7), generator=generator).to(torch.uint16)
    inputs[1:, 12 - 4 * num_padding :] = 0
    targets[1:, 7 - 2 * num_padding :] = 0
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


@pytest.mark.parametrize("checkpointing", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "architecture", ["encoder_decoder", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
)
def test_one_graph_per_kind_of_layer_with_the_same_gradients(architecture, checkpointing):
    """Examples have padding, which an eager model leaves out: the shapes of layers must not depend on it."""
    model, eager = (build_model(CONFIG.with_(architecture=architecture)) for _ in range(2))
    model.compile_layers(backend="aot_eager", fullgraph=True)
    model.set_activation_checkpointing(checkpointing)
    for step in range(3):
        loss, found = gradients(model, model, step, num_padding=step)
        expected_loss, expected = gradients(eager, eager, step, num_padding=step)
        assert loss.loss_sum.item() == pytest.approx(expected_loss.loss_sum.item(), rel=1e-5)
        for ours, right in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, right, rtol=0, atol=float(2e-5 * right.abs().max()))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == NUM_KINDS_OF_LAYERS[architecture]


def test_layers_are_compiled_for_training_only():
    model = build_model(CONFIG)
    model.compile_layers(backend="aot_eager")
    with torch.no_grad():
        model(Examples(*(torch.ones(1, 4, dtype=torch.int64) for _ in range(2))))
    assert "unique_graphs" not in torch._dynamo.utils.counters["stats"]


@pytest.mark.slow
def test_autocast_and_activation_checkpointing_compile_too():
    model = build_model(CONFIG)
    model.set_activation_checkpointing(True)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True, dynamic=False)
    _, found = gradients(model, compiled, 0, bf16=True)
    _, expected = gradients(model, model, 0, bf16=True)
    for ours, right in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, right, rtol=0, atol=float(5e-2 * right.abs().max()))
