"""The fused kernel is measured against plain attention, and a wrong one is left aside with a warning."""

import warnings

import pytest
import torch

from model.architectures import attention
from model.architectures.attention import fused_attention, kernel_error, plain_attention
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.architectures.t5 import Examples

CPU = torch.device("cpu")


def test_the_fused_kernel_here_is_right():
    assert kernel_error(fused_attention, CPU, torch.float32) < 1e-4
    assert kernel_error(fused_attention, CPU, torch.bfloat16) < 4e-2


def without_bias(q, k, v, bias):
    return fused_attention(q, k, v, None)


def without_gradient_of_the_bias(q, k, v, bias):
    return fused_attention(q, k, v, bias.detach())


def with_scale(q, k, v, bias):
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)


def with_nan(q, k, v, bias):
    return fused_attention(q, k, v, bias) * float("nan")


@pytest.mark.parametrize("wrong", [without_bias, without_gradient_of_the_bias, with_scale, with_nan])
def test_wrong_kernels_are_found(wrong):
    assert kernel_error(wrong, CPU, torch.float32) > 4e-2


class _Cuda:
    """Stands in for a CUDA device on a machine without one: tensors are made on the CPU."""

    type = "cuda"


@pytest.mark.parametrize("kernel, expected", [(fused_attention, "fused"), (with_scale, "plain")])
def test_a_wrong_kernel_is_a_warning_and_plain_attention(monkeypatch, kernel, expected):
    monkeypatch.setattr(attention, "_chosen", {"cpu": "plain", "cuda": "fused"})
    monkeypatch.setitem(attention.IMPLEMENTATIONS, "fused", kernel)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a card")
    real = attention.kernel_error
    monkeypatch.setattr(attention, "kernel_error", lambda kernel, device, dtype, **sizes: real(kernel, CPU, dtype))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert attention.choose_attention(_Cuda(), torch.float32) == expected
    assert attention._chosen["cuda"] == expected
    assert bool(caught) == (expected == "plain")
    if caught:
        assert "the fused attention kernel on a card" in str(caught[0].message) and "wrong by" in str(caught[0].message)


@pytest.mark.parametrize("architecture", ["encoder_decoder", "prefix_lm"])
def test_both_implementations_train_alike(monkeypatch, architecture):
    model = build_model(
        ModelConfig(architecture, vocabulary_size=128, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2)
    )
    inputs, targets = torch.randint(2, 128, (3, 13)), torch.randint(2, 128, (3, 7))
    inputs[1, 5:] = 0
    gradients = []
    for implementation in (plain_attention, fused_attention):
        monkeypatch.setattr(attention, "IMPLEMENTATIONS", {"plain": implementation})
        model.zero_grad()
        model(Examples(inputs, targets)).loss_sum.backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=float(1e-5 * a.abs().max()))


@pytest.mark.parametrize("bias_shape", [(1, 4, 9, 11), (3, 4, 9, 11), (3, 1, 1, 11), None])
def test_scores_that_are_changed_in_place_give_the_numbers_and_gradients_of_the_formula(bias_shape, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 4, 9, 8), (3, 4, 11, 8), (3, 4, 11, 8)] + ([bias_shape] if bias_shape else [])
    leaves = [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]
    upstream = torch.randn(3, 4, 9, 8, generator=generator)
    results = []
    for in_place in (True, False):
        monkeypatch.setattr(attention, "_may_be_in_place", lambda *_, is_used=in_place: is_used)
        output = attention.plain_attention(*leaves, *([] if bias_shape else [None]))
        results.append([output, *torch.autograd.grad(output, leaves, upstream)])
    # Some processors multiply a view and a contiguous tensor in another order of summands.
    for ours, right in zip(*results, strict=True):
        torch.testing.assert_close(ours, right, rtol=0, atol=1e-6 * float(right.detach().abs().max()))
