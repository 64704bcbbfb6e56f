from copy import deepcopy

import pytest
import torch
from torch import nn

from c4pipe.errors import UserError
from model.training.optimizers.adafactor import Adafactor
from model.training.optimizers.adamw import AdamW
from model.training.optimizers.catalog import OPTIMIZERS, recipe_by_name


def small_model(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Embedding(11, 8), nn.Linear(8, 24, bias=False), nn.LayerNorm(24), nn.Linear(24, 5))


def give_gradients(model: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator) * 10.0 ** (seed % 5 - 2)


def test_adafactor_takes_the_steps_of_the_reference_implementation():
    transformers = pytest.importorskip("transformers.optimization")
    ours, theirs = small_model(), small_model()
    optimizer = Adafactor(ours.named_parameters(), lr=0.01)
    reference = transformers.Adafactor(
        theirs.parameters(), lr=0.01, scale_parameter=True, relative_step=False, warmup_init=False
    )
    for step in range(20):
        give_gradients(ours, step)
        give_gradients(theirs, step)
        optimizer.step()
        reference.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [Adafactor, AdamW])
def test_groups_of_one_shape_take_the_same_steps(kind):
    def model() -> nn.Module:
        torch.manual_seed(1)
        return nn.Sequential(*(nn.Linear(6, 6) for _ in range(5)), nn.Linear(6, 3), nn.LayerNorm(3))

    alone, grouped = model(), model()
    one = kind(alone.named_parameters(), lr=0.01, weight_decay=0.1)
    other = kind(grouped.named_parameters(), lr=0.01, weight_decay=0.1, groups_everywhere=True)
    for step in range(12):
        give_gradients(alone, step)
        give_gradients(grouped, step)
        if step < 4:  # a parameter that starts later is in a group of its own count
            alone[2].weight.grad = grouped[2].weight.grad = None
        assert len(other._groups()) < len(one._groups())
        one.step()
        other.step()
    for mine, theirs in zip(alone.parameters(), grouped.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-7)
    for name, value in one.state_tensors().items():
        torch.testing.assert_close(value, other.state_tensors()[name], rtol=1e-6, atol=0)


def test_adamw_without_scaling_takes_the_steps_of_torch():
    ours, theirs = small_model(), small_model()
    optimizer = AdamW(ours.named_parameters(), lr=1e-3, weight_decay=0.1, smallest_scale=1.0)
    reference = torch.optim.AdamW(theirs.parameters(), lr=1e-3, eps=1e-6, weight_decay=0.1)
    for step in range(20):
        for model in (ours, theirs):
            give_gradients(model, step)
        # At the norm 1 and above the scale is the parameter's: hold it at 1 to compare with the plain one.
        with torch.no_grad():
            for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
                mine.copy_(other.clamp(-0.9, 0.9))
                other.copy_(mine)
        optimizer.step()
        reference.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def test_adamw_scales_an_update_by_the_rms_of_its_parameter():
    small, large = nn.Parameter(torch.full((4, 4), 0.1)), nn.Parameter(torch.full((4, 4), 10.0))
    optimizer = AdamW([("small", small), ("large", large)], lr=0.01)
    for parameter in (small, large):
        parameter.grad = torch.ones(4, 4)
    optimizer.step()
    torch.testing.assert_close(0.1 - small.detach(), torch.full((4, 4), 0.001), rtol=1e-3, atol=1e-7)
    torch.testing.assert_close(10.0 - large.detach(), torch.full((4, 4), 0.1), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_that_is_saved_and_loaded_continues_the_same_way(name):
    model = small_model()
    optimizer = recipe_by_name(name).build(model.named_parameters(), 0.0)
    for step in range(3):
        give_gradients(model, step)
        optimizer.param_groups[0]["lr"] = 0.01
        optimizer.step()
    copy = small_model()
    copy.load_state_dict(model.state_dict())
    restored = recipe_by_name(name).build(copy.named_parameters(), 0.0)
    restored.load_state_tensors({name: value.clone() for name, value in optimizer.state_tensors().items()})
    for each, owner in ((optimizer, model), (restored, copy)):
        give_gradients(owner, 7)
        each.param_groups[0]["lr"] = 0.01
        each.step()
    for mine, other in zip(model.parameters(), copy.parameters(), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_is_one_of_torch(name):
    """Its schedulers and its `state_dict` work as with any other."""
    model, copy = small_model(), small_model()
    optimizer, restored = (OPTIMIZERS[name].kind(one.named_parameters(), lr=0.5) for one in (model, copy))
    halved = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    for step in range(2):
        give_gradients(model, step)
        optimizer.step()
        halved.step()
    assert optimizer.param_groups[0]["lr"] == 0.125
    copy.load_state_dict(model.state_dict())
    restored.load_state_dict(deepcopy(optimizer.state_dict()))
    for each, owner in ((optimizer, model), (restored, copy)):
        give_gradients(owner, 7)
        each.step()
        each.zero_grad()
        assert all(parameter.grad is None for parameter in owner.parameters())
    for mine, other in zip(model.parameters(), copy.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_a_parameter_without_a_gradient_keeps_its_own_count():
    model = small_model()
    optimizer = Adafactor(model.named_parameters(), lr=0.01)
    give_gradients(model, 1)
    model[0].weight.requires_grad_(False)
    before = model[0].weight.clone()
    optimizer.step()
    assert torch.equal(model[0].weight, before)
    assert [optimizer.num_updates_of(model[place].weight) for place in (0, 3)] == [0, 1]


def test_an_optimizer_that_does_not_exist_is_the_users_error():
    with pytest.raises(UserError, match="adafactor"):
        recipe_by_name("sgd")
