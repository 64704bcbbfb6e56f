"""What each architecture may see, tested by changing what it must not see; and its structure."""

import pytest
import torch

from model.architectures.catalog import ARCHITECTURES, build_model
from model.architectures.config import ModelConfig
from model.architectures.t5 import Examples

SMALL = ModelConfig(vocabulary_size=128, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2, dropout_rate=0.0)
S, T = 9, 6


def model_of(architecture, **changes):
    return build_model(SMALL.with_(architecture=architecture, **changes), seed=1)


def random_ids(*shape, seed=0):
    return torch.randint(2, 128, shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def changed(model, inputs, targets, *, input_place=None, target_place=None):
    """Which target places (B, T) get another distribution when one token is changed."""
    before = model.logits(Examples(inputs, targets))
    inputs, targets = inputs.clone(), targets.clone()
    if input_place is not None:
        inputs[:, input_place] = (inputs[:, input_place] - 2 + 17) % 126 + 2
    if target_place is not None:
        targets[:, target_place] = (targets[:, target_place] - 2 + 17) % 126 + 2
    return (model.logits(Examples(inputs, targets)) != before).any(-1)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("place", range(T))
def test_a_target_is_seen_by_later_targets_only(architecture, place):
    difference = changed(model_of(architecture), random_ids(2, S), random_ids(2, T, seed=1), target_place=place)
    assert not difference[:, : place + 1].any()
    assert difference[:, place + 1 :].all()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("place", [0, S - 1])
def test_an_input_is_seen_by_all_targets(architecture, place):
    assert changed(model_of(architecture), random_ids(2, S), random_ids(2, T, seed=1), input_place=place).all()


@torch.no_grad()
def hidden_states_of_inputs(model, inputs, targets):
    """The stack's output at the places that read the inputs."""
    states = []
    stack = model.decoder
    handle = stack.register_forward_hook(lambda module, arguments, output: states.append(output))
    model.hidden(Examples(inputs, targets))
    handle.remove()
    return states[-1][:, 1 : inputs.shape[1] + 1]


@pytest.mark.parametrize("architecture, sees_later_inputs", [("decoder_lm", False), ("prefix_lm", True)])
def test_whether_an_input_sees_later_inputs(architecture, sees_later_inputs):
    model = model_of(architecture)
    inputs, targets = random_ids(2, S), random_ids(2, T, seed=1)
    before = hidden_states_of_inputs(model, inputs, targets)
    other = inputs.clone()
    other[:, 4] = (other[:, 4] - 2 + 17) % 126 + 2
    difference = (hidden_states_of_inputs(model, other, targets) != before).any(-1)
    assert difference[:, 4:].all()
    assert difference[:, :4].all() if sees_later_inputs else not difference[:, :4].any()
    other_targets = (targets - 2 + 17) % 126 + 2
    assert torch.equal(hidden_states_of_inputs(model, inputs, other_targets), before), "inputs never see targets"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_padding_changes_nothing(architecture):
    model = model_of(architecture)
    inputs, targets = random_ids(2, S), random_ids(2, T, seed=1)
    right = model.logits(Examples(inputs, targets))
    wider = Examples(torch.nn.functional.pad(inputs, (0, 5)), torch.nn.functional.pad(targets, (0, 3)))
    padded = model.logits(wider)[:, :T]
    torch.testing.assert_close(padded, right, rtol=0, atol=float(1e-5 * right.abs().max()))
    loss = model(Examples(inputs, targets))
    padded_loss = model(wider)
    assert padded_loss.num_tokens == loss.num_tokens == 2 * T
    assert padded_loss.loss_sum.item() == pytest.approx(loss.loss_sum.item(), rel=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_examples_packed_in_a_row_get_what_they_get_alone(architecture):
    model = model_of(architecture)
    lengths = [(4, 3), (1, 5), (6, 1)]
    examples = [(random_ids(1, s, seed=s), random_ids(1, t, seed=t + 10)) for s, t in lengths]
    alone = [model.logits(Examples(inputs, targets)) for inputs, targets in examples]
    expected = torch.cat(alone, 1)

    def packed(part, padding):
        tokens = torch.cat([example[part] for example in examples], 1)
        segments = torch.cat([torch.full_like(example[part], n + 1) for n, example in enumerate(examples)], 1)
        return torch.nn.functional.pad(tokens, (0, padding)), torch.nn.functional.pad(segments, (0, padding))

    inputs, inputs_segments = packed(0, 3)
    targets, targets_segments = packed(1, 2)
    packed_examples = Examples(inputs, targets, inputs_segments, targets_segments)
    found = model.logits(packed_examples)[:, : expected.shape[1]]
    torch.testing.assert_close(found, expected, rtol=0, atol=float(1e-5 * expected.abs().max()))
    loss = model(packed_examples)
    sums = [model(Examples(*example)) for example in examples]
    assert loss.loss_sum.item() == pytest.approx(sum(part.loss_sum.item() for part in sums), rel=1e-5)
    assert loss.num_tokens == sum(t for _, t in lengths)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_empty_inputs_give_finite_numbers(architecture):
    model = model_of(architecture)
    loss = model(Examples(torch.zeros(2, S, dtype=torch.int64), random_ids(2, T)))
    loss.loss_sum.backward()
    assert torch.isfinite(loss.loss_sum)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def num_parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def test_a_shared_stack_is_one_set_of_parameters():
    shared, whole = model_of("encoder_decoder_shared"), model_of("encoder_decoder")
    assert shared.encoder is shared.decoder
    # All of the decoder, and no encoder beside it.
    assert num_parameters(shared) == num_parameters(whole) - num_parameters(whole.encoder)
    assert set(shared.state_dict()) == {name for name, _ in shared.named_parameters()}
    inputs, targets = random_ids(2, S), random_ids(2, T, seed=1)
    with torch.no_grad():
        memory = shared.encode(inputs)
        logits = shared.logits(Examples(inputs, targets))
        shared.stack.layers[0].feed_forward.wi.weight.mul_(1.5)
        assert not torch.equal(shared.encode(inputs), memory)
        assert not torch.equal(shared.logits(Examples(inputs, targets)), logits)


def test_half_has_half_the_layers_of_each_stack():
    half = model_of("encoder_decoder_half", num_layers=4)
    assert (len(half.encoder.layers), len(half.decoder.layers)) == (2, 2)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_parameter_gets_a_gradient(architecture):
    model = model_of(architecture)
    model(Examples(random_ids(2, 40), random_ids(2, 30, seed=1))).loss_sum.backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without


@pytest.mark.parametrize("architecture", ["encoder_decoder", "prefix_lm"])
def test_sixteen_bit_ids_are_widened(architecture):
    model = model_of(architecture, vocabulary_size=65536)
    inputs, targets = torch.randint(1, 65536, (2, S)), torch.randint(1, 65536, (2, T))
    with torch.no_grad():
        right = model(Examples(inputs, targets)).loss_sum
        unsigned = model(Examples(inputs.to(torch.uint16), targets.to(torch.uint16))).loss_sum
        same_bits = model(Examples(inputs.to(torch.int16), targets.to(torch.int16))).loss_sum
    assert right == unsigned == same_bits
