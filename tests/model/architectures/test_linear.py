"""The product by oneDNN against the plain one."""

import warnings

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from model.architectures import linear as module
from model.architectures.linear import Linear, linear, product


@pytest.mark.parametrize("shape", [(7,), (3, 5, 7), (1, 7), (0, 7)])
def test_outputs_and_gradients_are_those_of_the_plain_product(shape):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(*shape, generator=generator, requires_grad=True) if len(shape) > 1 else torch.randn(2, 7)
    x = x.detach().requires_grad_()
    weight = torch.randn(11, 7, generator=generator, requires_grad=True)
    found, right = linear(x, weight), torch.nn.functional.linear(x, weight)
    torch.testing.assert_close(found, right, rtol=1e-5, atol=1e-5)
    upstream = torch.randn(right.shape, generator=generator)
    for ours, theirs in zip(
        torch.autograd.grad(found, [x, weight], upstream),
        torch.autograd.grad(right, [x, weight], upstream),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_products_of_transposed_views():
    a, b = torch.randn(6, 9), torch.randn(9, 4)
    torch.testing.assert_close(product(a, b), a @ b)
    torch.testing.assert_close(product(b.T, a.T), b.T @ a.T)


def test_tensors_without_values_do_not_decide_for_others():
    module._onednn_is_right.cache_clear()
    with FakeTensorMode():
        assert linear(torch.ones(3, 4), torch.ones(5, 4)).shape == (3, 5)
    assert module._onednn_is_right.cache_info().currsize == 0


def test_a_frozen_weight_gets_no_gradient():
    layer = Linear(4, 3).requires_grad_(False)
    x = torch.randn(2, 4, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None and layer.weight.grad is None


def test_autocast_is_obeyed():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert Linear(4, 3)(torch.randn(2, 4)).dtype == torch.bfloat16


@pytest.mark.skipif(not module._onednn_is_right(), reason="no oneDNN operator here, so nothing to replace")
def test_a_wrong_library_is_a_warning_and_the_plain_product(monkeypatch):
    module._onednn_is_right.cache_clear()
    monkeypatch.setattr(module, "_onednn", lambda x, weight: x @ weight.T * 1.01)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        x, weight = torch.randn(3, 4), torch.randn(5, 4)
        assert torch.equal(linear(x, weight), torch.nn.functional.linear(x, weight))
    assert any("oneDNN" in str(warning.message) for warning in caught)
    monkeypatch.undo()
    module._onednn_is_right.cache_clear()


@torch.no_grad()
def test_a_packed_weight_gives_the_same_numbers_until_the_weight_is_changed():
    weight = torch.nn.Parameter(torch.randn(48, 32, generator=torch.Generator().manual_seed(0)))
    x = torch.randn(3, 5, 32, generator=torch.Generator().manual_seed(1))
    before = linear(x, weight)
    module.pack([weight], 15)
    is_used = module._may_use_onednn(x, weight)
    assert (weight in module._packed) == is_used
    torch.testing.assert_close(linear(x, weight), before, rtol=0, atol=1e-5)
    weight.mul_(2)
    torch.testing.assert_close(linear(x, weight), 2 * before, rtol=0, atol=1e-5)
    module.pack([weight], 15)
    torch.testing.assert_close(linear(x, weight), 2 * before, rtol=0, atol=1e-5)


def test_packed_copies_do_not_outlive_their_weight_and_are_not_made_where_memory_is_short(monkeypatch):
    monkeypatch.setattr(module, "_packed", type(module._packed)())
    weight = torch.nn.Parameter(torch.randn(48, 32))
    enough = 4 * weight.nbytes
    monkeypatch.setattr(module, "available_memory", lambda: enough - 1)
    module.pack([weight], 8)
    assert len(module._packed) == 0
    monkeypatch.setattr(module, "available_memory", lambda: enough)
    module.pack([weight], 8)
    assert len(module._packed) == int(module._may_use_onednn(weight.detach(), weight))
    del weight
    assert len(module._packed) == 0
