"""Attention with a learned bias, with several implementations.

Shapes: B examples, H heads, T queries, S keys, K features per head, D features of the model.
"""

import importlib.util
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from model.architectures import dropout
from model.architectures.config import ModelConfig
from model.architectures.linear import Linear
from model.architectures.unpadded import Group, Tokens

# Lower than any score, but far from the limits of float32 and bfloat16: kernels multiply scores by log2(e), and a row
# whose keys are all masked must give an average and never compute infinity minus infinity.
MASKED = -1e30
_ALIGNMENT = 8


def plain_attention(
    q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, bias_BHTS: Tensor | None, mask_B1TS: Tensor | None = None
) -> Tensor:
    """softmax(q k^T + bias) v, written as the formula; the softmax is in float32, as in the paper's code.

    mask_B1TS: a second bias, which has no gradient; T may be 1.
    """
    if _may_be_in_place(q_BHTK, bias_BHTS):
        return _InPlaceAttention.apply(q_BHTK, k_BHSK, v_BHSK, bias_BHTS, mask_B1TS)
    scores_BHTS = q_BHTK @ k_BHSK.transpose(2, 3)
    for addend in (bias_BHTS, mask_B1TS):
        scores_BHTS = scores_BHTS if addend is None else scores_BHTS + addend
    weights_BHTS = functional.softmax(scores_BHTS, dim=-1, dtype=torch.float32)
    return weights_BHTS.to(v_BHSK.dtype) @ v_BHSK


class _InPlaceAttention(torch.autograd.Function):
    """Plain attention with the same results, which stores a third as many tensors of B x H x T x S numbers.

    On a CPU each of these needs new pages of memory, which the system must clear first. So the bias is added in place,
    and the softmax and its gradient are written over their arguments.
    """

    @staticmethod
    def forward(
        ctx: Any,
        q_BHTK: Tensor,
        k_BHSK: Tensor,
        v_BHSK: Tensor,
        bias_BHTS: Tensor | None,
        mask_B1TS: Tensor | None,
    ) -> Tensor:
        # Once, because each of the products here and in the backward pass would copy a view.
        q_BHTK, k_BHSK, v_BHSK = q_BHTK.contiguous(), k_BHSK.contiguous(), v_BHSK.contiguous()
        weights_BHTS = q_BHTK @ k_BHSK.transpose(2, 3)
        for addend in (bias_BHTS, mask_B1TS):
            if addend is not None:
                weights_BHTS += addend
        torch.softmax(weights_BHTS, -1, out=weights_BHTS)
        ctx.save_for_backward(q_BHTK, k_BHSK, v_BHSK, weights_BHTS)
        ctx.bias_shape = None if bias_BHTS is None else bias_BHTS.shape
        return weights_BHTS @ v_BHSK

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        q_BHTK, k_BHSK, v_BHSK, weights_BHTS = ctx.saved_tensors
        gradient_BHTK = upstream[0].contiguous()
        for_v = weights_BHTS.transpose(2, 3) @ gradient_BHTK
        for_scores = gradient_BHTK @ v_BHSK.transpose(2, 3)
        torch.ops.aten._softmax_backward_data.out(for_scores, weights_BHTS, -1, for_scores.dtype, grad_input=for_scores)
        for_bias = for_scores.sum_to_size(ctx.bias_shape) if ctx.needs_input_grad[3] else None
        return for_scores @ k_BHSK, for_scores.transpose(2, 3) @ q_BHTK, for_v, for_bias, None


def _may_be_in_place(q_BHTK: Tensor, bias_BHTS: Tensor | None) -> bool:
    return (
        q_BHTK.device.type == "cpu"
        and q_BHTK.dtype == torch.float32
        and (bias_BHTS is None or bias_BHTS.dtype == torch.float32)
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()  # a compiler does this itself
    )


def fused_attention(q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, bias_BHTS: Tensor | None) -> Tensor:
    """The same with PyTorch's kernels. T5 does not scale by 1/sqrt(d_kv); the query's initialisation contains it.

    The bias must have q's dtype: with bfloat16 queries, cuDNN's kernel silently misreads a float32 bias.
    """
    if bias_BHTS is not None:
        bias_BHTS = bias_BHTS.to(q_BHTK.dtype)
    return functional.scaled_dot_product_attention(q_BHTK, k_BHSK, v_BHSK, attn_mask=bias_BHTS, scale=1.0)


def triton_attention(q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, bias_BHTS: Tensor | None) -> Tensor:
    """The same with our own kernels if all examples share a bias (PyTorch's are slow there), else with PyTorch's."""
    from model.architectures import triton_attention as kernels

    if bias_BHTS is not None and kernels.supports(q_BHTK, bias_BHTS):
        return kernels.shared_bias_attention(q_BHTK, k_BHSK, v_BHSK, bias_BHTS)
    return fused_attention(q_BHTK, k_BHSK, v_BHSK, bias_BHTS)


Kernel = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
IMPLEMENTATIONS: dict[str, Kernel] = {
    "triton": triton_attention,
    "fused": fused_attention,
    "plain": plain_attention,
}

_chosen = {"cpu": "plain", "cuda": "fused"}


def attend(q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, bias_BHTS: Tensor | None) -> Tensor:
    """(B, H, T, K): every query's average of the values, by the implementation that was chosen for the device.

    On a CPU, PyTorch's kernel cannot compute the gradient of the bias, but it is the fastest without gradients.
    """
    name = _chosen.get(q_BHTK.device.type, "plain")
    if q_BHTK.device.type == "cpu" and q_BHTK.dtype == torch.float32 and not torch.is_grad_enabled():
        name = "fused"
    return IMPLEMENTATIONS[name](q_BHTK, k_BHSK, v_BHSK, bias_BHTS)


def choose_attention(
    device: torch.device,
    dtype: torch.dtype,
    *,
    num_heads: int = 4,
    d_kv: int = 64,
    candidates: Sequence[str] = ("triton", "fused"),
) -> str:
    """Choose the first candidate whose outputs and gradients agree with plain attention on this device.

    If none agrees, plain attention is used. Call this once, before the first step. cuDNN's kernel is turned off,
    because it computes no gradient for the bias.

    Returns: the name of the implementation that `attend` uses from now on.
    """
    if device.type != "cuda":
        return _chosen.get(device.type, "plain")
    torch.backends.cuda.enable_cudnn_sdp(False)
    tolerance = 1e-3 if dtype == torch.float32 else 4e-2
    _chosen[device.type] = "plain"
    for name in candidates:
        if name == "triton" and (dtype == torch.float32 or importlib.util.find_spec("triton") is None):
            continue
        kernel, shape = IMPLEMENTATIONS[name], {"num_heads": num_heads, "d_kv": d_kv}
        # With few queries our kernel falls back to PyTorch's, which must be right as well: both sizes are tried.
        error = max(kernel_error(kernel, device, dtype, num_queries=queries, **shape) for queries in (37, 277))
        if error <= tolerance:
            _chosen[device.type] = name
            break
        warnings.warn(
            f"the {name} attention kernel on {torch.cuda.get_device_name(device)} with {dtype} is wrong by {error:.2g} "
            f"of the largest value (allowed: {tolerance:g}); the next one is used (correct, but slower and larger)",
            stacklevel=2,
        )
    return _chosen[device.type]


def kernel_error(
    kernel: Kernel,
    device: torch.device,
    dtype: torch.dtype,
    *,
    num_heads: int = 4,
    d_kv: int = 64,
    num_queries: int = 277,
    num_keys: int = 310,
) -> float:
    """Largest difference between a kernel and plain attention in float32, over outputs and all gradients.

    Each difference is relative to the tensor's largest value. NaN counts as infinity, and so does a kernel that does
    not run here. The test case has what training has: odd lengths of more than one block, a bias that the batch
    shares, and a masked key.
    """
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device=device, dtype=dtype)

    batch, queries, keys = 3, num_queries, num_keys
    tensors = [
        random(batch, num_heads, queries, d_kv) * d_kv**-0.5,
        random(batch, num_heads, keys, d_kv),
        random(batch, num_heads, keys, d_kv),
        random(1, num_heads, queries, keys),
    ]
    tensors[3][..., -1] = MASKED
    upstream = random(batch, num_heads, queries, d_kv)
    results = []
    for function, kind in ((kernel, dtype), (plain_attention, torch.float32)):
        leaves = [tensor.detach().to(kind).requires_grad_() for tensor in tensors]
        try:
            output = function(*leaves)
            gradients = torch.autograd.grad(output, leaves, upstream.to(kind), allow_unused=True)
        except Exception:  # any kind: Triton's compiler, for example, has its own
            return float("inf")
        if any(gradient is None for gradient in gradients):
            return float("inf")
        results.append([output, *gradients])
    worst = 0.0
    for ours, right in zip(*results, strict=True):
        difference = (ours.detach().float() - right.detach()).abs().max() / right.detach().abs().max()
        worst = max(worst, float(torch.nan_to_num(difference, nan=float("inf"))))
    return worst


def aligned(length: int) -> int:
    """The length rounded up to the alignment that fused kernels need for the rows of a bias."""
    return -(-length // _ALIGNMENT) * _ALIGNMENT


class GroupView(NamedTuple):
    """What a group of examples sees in attention without padding: keys of its own examples, with a bias and a mask."""

    queries: Group
    keys: Group
    bias_1HTS: Tensor | None
    mask_G1TS: Tensor | None


class Attention(nn.Module):
    """Multi-head attention without biases."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.dropout_rate = config.dropout_rate
        self.query = Linear(config.d_model, config.d_attention)
        self.key = Linear(config.d_model, config.d_attention)
        self.value = Linear(config.d_model, config.d_attention)
        self.output = Linear(config.d_attention, config.d_model)

    def forward(
        self,
        x_BTD: Tensor,
        source_BSD: Tensor,
        seen_BHTS: Tensor | tuple[GroupView, ...] | None,
        keys_B: Tensor | None = None,
    ) -> Tensor:
        """(B, T, D). source: what keys and values are computed from, x itself or the encoder's outputs.

        seen_BHTS: the bias; or the views of all groups, if x is (N, D) and source is (M, D).
        """
        if isinstance(seen_BHTS, tuple):
            return self._forward_groups(x_BTD, source_BSD, seen_BHTS, keys_B)
        k_BHSK, v_BHSK = self.keys_and_values(source_BSD)
        return self.look(x_BTD, k_BHSK, self._drop(v_BHSK, keys_B), seen_BHTS)

    def _forward_groups(
        self, x_ND: Tensor, source_MD: Tensor, views: tuple[GroupView, ...], keys_B: Tensor | None
    ) -> Tensor:
        query_sizes = [view.queries.num_tokens for view in views]
        key_sizes = [view.keys.num_tokens for view in views]
        queries = self.query(x_ND).split(query_sizes)
        keys, values = self.key(source_MD).split(key_sizes), self.value(source_MD).split(key_sizes)
        sizes = [view.keys.num_examples for view in views]
        dropout_keys = [None] * len(views) if keys_B is None else keys_B.split(sizes)
        outputs = []
        for view, q, k, v, key_G in zip(views, queries, keys, values, dropout_keys, strict=True):
            q_GHTK, k_GHSK = self._split(view.queries.pad(q)), self._split(view.keys.pad(k))
            v_GHSK = self._drop(self._split(view.keys.pad(v)), key_G)
            found_GHTK = plain_attention(q_GHTK, k_GHSK, v_GHSK, view.bias_1HTS, view.mask_G1TS)
            outputs.append(view.queries.unpad(found_GHTK.transpose(1, 2).flatten(2)))
        return self.output(torch.cat(outputs))

    def _drop(self, v_BHSK: Tensor, keys_B: Tensor | None) -> Tensor:
        if keys_B is None or self.dropout_rate == 0:
            return v_BHSK
        batch, heads, length, _ = v_BHSK.shape
        # The elements of a key are adjacent, so that its mask does not depend on how much padding follows.
        kept_BN = dropout.scale(keys_B, length * heads, self.dropout_rate, v_BHSK.dtype)
        return v_BHSK * kept_BN.view(batch, length, heads).transpose(1, 2)[..., None]

    def keys_and_values(self, source_BSD: Tensor, tokens: Tokens | None = None) -> tuple[Tensor, Tensor]:
        """The keys and the values, each (B, H, S, K). tokens: if they are given, the source is (M, D)."""
        keys, values = self.key(source_BSD), self.value(source_BSD)
        if tokens is not None:
            keys, values = tokens.pad(keys), tokens.pad(values)
        return self._split(keys), self._split(values)

    def look(self, x_BTD: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, bias_BHTS: Tensor | None) -> Tensor:
        """(B, T, D), from keys and values that are computed already."""
        q_BHTK = self._split(self.query(x_BTD))
        return self.output(attend(q_BHTK, k_BHSK, v_BHSK, bias_BHTS).transpose(1, 2).flatten(2))

    def _split(self, x_BSE: Tensor) -> Tensor:
        return x_BSE.unflatten(2, (self.num_heads, -1)).transpose(1, 2)
