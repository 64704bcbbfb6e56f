"""Attention with a bias that all examples share, for NVIDIA GPUs, in Triton.

T5 adds the same (heads, queries, keys) bias to the scores of every example. PyTorch's fused kernels accept such a bias,
but compute its gradient separately for every example, which takes as much memory as the scores that fusing avoids. Here
a separate kernel sums that gradient over the examples. The rest is FlashAttention-2 (arXiv 2307.08691): scores never
leave the chip, and the backward pass computes them again from each row's log of the sum of exponentials.

Shapes: B examples, H heads, T queries, S keys, K features per head. Scores are multiplied by log2(e), for `exp2`.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

_LOG2_E = tl.constexpr(1.4426950408889634)
# Block sizes of queries and keys, warps, and stages of the load pipeline: the fastest of 4 to 6 settings per kernel, on
# an H100 with K = 64.
_FORWARD = {"BLOCK_T": 128, "BLOCK_S": 64, "num_warps": 8, "num_stages": 3}
_QUERY = {"BLOCK_T": 64, "BLOCK_S": 64, "num_warps": 4, "num_stages": 3}
_KEY = {"BLOCK_T": 64, "BLOCK_S": 64, "num_warps": 4, "num_stages": 3}
_BIAS = {"BLOCK_T": 64, "BLOCK_S": 64, "num_warps": 4, "num_stages": 3}
_DELTA = {"BLOCK_T": 128, "num_warps": 4}
_BIAS_PROGRAMS = 1024
"""Least number of programs that sum the bias' gradient, if there are enough examples: several per multiprocessor."""
_LEAST_QUERIES = 256
"""With fewer queries, five kernel launches cost more than they save: the backward pass of 114 queries took 0.60 ms, and
0.21 ms with PyTorch's kernel."""


def supports(q_BHTK: Tensor, bias_BHTS: Tensor) -> bool:
    """Whether the kernels below apply: many queries, 16-bit values, one bias for all examples, K a power of two."""
    return (
        q_BHTK.shape[2] >= _LEAST_QUERIES
        and bias_BHTS.shape[:2] == (1, q_BHTK.shape[1])
        and q_BHTK.dtype in (torch.bfloat16, torch.float16)
        and q_BHTK.shape[3] in (16, 32, 64, 128)
    )


def shared_bias_attention(q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, bias_BHTS: Tensor) -> Tensor:
    """softmax(q k^T + bias) v with all gradients, for arguments that `supports` accepts."""
    output, _ = _attend(q_BHTK, k_BHSK, v_BHSK, bias_BHTS.to(q_BHTK.dtype))
    return output


@torch.library.custom_op("c4pipe::attention", mutates_args=())
def _attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """The output (B, H, T, K), and each row's log2 of the sum of exponentials (B, H, T) in float32."""
    q, k, v, bias = (_by_rows(tensor) for tensor in (q, k, v, bias))
    batch, heads, queries, features = q.shape
    keys = k.shape[2]
    output = _like_rows(q)
    log_sum = q.new_empty(batch, heads, queries, dtype=torch.float32)
    grid = (triton.cdiv(queries, _FORWARD["BLOCK_T"]), batch * heads)
    _forward_kernel[grid](
        q, k, v, bias, output, log_sum,
        *_strides(q), *_strides(k), *_strides(v), bias.stride(1), bias.stride(2), *_strides(output),
        queries, keys, HEADS=heads, K=features, **_FORWARD,
    )  # fmt: skip
    return output, log_sum


@_attend.register_fake
def _(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    return _like_rows(q), q.new_empty(q.shape[:3], dtype=torch.float32)


@torch.library.custom_op("c4pipe::attention_backward", mutates_args=())
def _attend_backward(
    upstream: Tensor, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, output: Tensor, log_sum: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The gradients of q, k, v and the bias."""
    upstream, q, k, v, bias, output = (_by_rows(tensor) for tensor in (upstream, q, k, v, bias, output))
    batch, heads, queries, features = q.shape
    keys = k.shape[2]
    shape = {"HEADS": heads, "K": features}
    delta = torch.empty_like(log_sum)
    _delta_kernel[(triton.cdiv(queries, _DELTA["BLOCK_T"]), batch * heads)](
        output, upstream, delta, *_strides(output), *_strides(upstream), queries, **shape, **_DELTA
    )
    for_q, for_k, for_v = _like_rows(q), _like_rows(k), _like_rows(v)
    read = (
        q, k, v, bias, upstream, log_sum, delta,
        *_strides(q), *_strides(k), *_strides(v), bias.stride(1), bias.stride(2), *_strides(upstream),
    )  # fmt: skip
    _query_kernel[(triton.cdiv(queries, _QUERY["BLOCK_T"]), batch * heads)](
        *read, for_q, *_strides(for_q), queries, keys, **shape, **_QUERY
    )
    _key_kernel[(triton.cdiv(keys, _KEY["BLOCK_S"]), batch * heads)](
        *read, for_k, for_v, *_strides(for_k), *_strides(for_v), queries, keys, **shape, **_KEY
    )
    down, across = triton.cdiv(queries, _BIAS["BLOCK_T"]), triton.cdiv(keys, _BIAS["BLOCK_S"])
    parts = min(batch, triton.cdiv(_BIAS_PROGRAMS, down * across * heads))
    for_bias = q.new_empty(parts, heads, queries, keys, dtype=torch.float32)
    _bias_kernel[(down, across, heads * parts)](*read, for_bias, batch, parts, queries, keys, **shape, **_BIAS)
    return for_q, for_k, for_v, for_bias.sum(0, keepdim=True).to(bias.dtype)


@_attend_backward.register_fake
def _(
    upstream: Tensor, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, output: Tensor, log_sum: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return _like_rows(q), _like_rows(k), _like_rows(v), bias.new_empty(bias.shape)


def _remember(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs, *output)


def _backward(ctx: Any, upstream: Tensor, _: Tensor | None) -> tuple[Tensor, ...]:
    return _attend_backward(upstream, *ctx.saved_tensors)


_attend.register_autograd(_backward, setup_context=_remember)


def _by_rows(tensor: Tensor) -> Tensor:
    """The tensor, or a copy whose last dimension is contiguous."""
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


def _like_rows(tensor_BHTK: Tensor) -> Tensor:
    """An empty tensor of the same shape with the memory layout (B, T, H, K), so that joining heads needs no copy."""
    batch, heads, length, features = tensor_BHTK.shape
    return tensor_BHTK.new_empty(batch, length, heads, features).transpose(1, 2)


def _strides(tensor_BHTK: Tensor) -> tuple[int, int, int]:
    return tensor_BHTK.stride(0), tensor_BHTK.stride(1), tensor_BHTK.stride(2)


# The kernels. A pointer comes with its strides over examples, heads and rows; features are contiguous.


@triton.jit
def _rows(pointer, rows, stride, length, K: tl.constexpr):
    """(rows, K) of a matrix, 0 after its end."""
    features = tl.arange(0, K)
    return tl.load(pointer + rows[:, None] * stride + features[None, :], mask=rows[:, None] < length, other=0.0)


@triton.jit
def _store_rows(pointer, rows, stride, length, values, K: tl.constexpr):
    features = tl.arange(0, K)
    places = pointer + rows[:, None] * stride + features[None, :]
    tl.store(places, values.to(pointer.dtype.element_ty), mask=rows[:, None] < length)


@triton.jit
def _scores(q, k, bias, rows, keys, stride, num_queries, num_keys):
    """(rows, keys) scores times log2(e); minus infinity for keys after the end."""
    inside = (rows[:, None] < num_queries) & (keys[None, :] < num_keys)
    added = tl.load(bias + rows[:, None] * stride + keys[None, :], mask=inside, other=0.0).to(tl.float32)
    scores = (tl.dot(q, tl.trans(k)) + added) * _LOG2_E
    return tl.where(keys[None, :] < num_keys, scores, float("-inf"))


@triton.jit
def _forward_kernel(
    Q, K_, V, BIAS, OUT, LOG_SUM,
    q_b, q_h, q_t, k_b, k_h, k_s, v_b, v_h, v_s, bias_h, bias_t, out_b, out_h, out_t,
    num_queries, num_keys,
    HEADS: tl.constexpr, K: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_S: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(1)
    b, h = (row // HEADS).to(tl.int64), row % HEADS
    rows = tl.program_id(0) * BLOCK_T + tl.arange(0, BLOCK_T)
    q = _rows(Q + b * q_b + h * q_h, rows, q_t, num_queries, K)
    largest = tl.full([BLOCK_T], float("-inf"), tl.float32)
    total = tl.zeros([BLOCK_T], tl.float32)
    output = tl.zeros([BLOCK_T, K], tl.float32)
    for start in range(0, num_keys, BLOCK_S):
        keys = start + tl.arange(0, BLOCK_S)
        k = _rows(K_ + b * k_b + h * k_h, keys, k_s, num_keys, K)
        scores = _scores(q, k, BIAS + h * bias_h, rows, keys, bias_t, num_queries, num_keys)
        new_largest = tl.maximum(largest, tl.max(scores, 1))
        weights = tl.exp2(scores - new_largest[:, None])
        shrink = tl.exp2(largest - new_largest)
        total = total * shrink + tl.sum(weights, 1)
        v = _rows(V + b * v_b + h * v_h, keys, v_s, num_keys, K)
        output = tl.dot(weights.to(v.dtype), v, output * shrink[:, None])
        largest = new_largest
    _store_rows(OUT + b * out_b + h * out_h, rows, out_t, num_queries, output / total[:, None], K)
    tl.store(LOG_SUM + row * num_queries + rows, largest + tl.log2(total), mask=rows < num_queries)


@triton.jit
def _delta_kernel(
    OUT, UP, DELTA, out_b, out_h, out_t, up_b, up_h, up_t, num_queries,
    HEADS: tl.constexpr, K: tl.constexpr, BLOCK_T: tl.constexpr,
):  # fmt: skip
    """For each row the sum of output times gradient of the output."""
    row = tl.program_id(1)
    b, h = (row // HEADS).to(tl.int64), row % HEADS
    rows = tl.program_id(0) * BLOCK_T + tl.arange(0, BLOCK_T)
    output = _rows(OUT + b * out_b + h * out_h, rows, out_t, num_queries, K).to(tl.float32)
    upstream = _rows(UP + b * up_b + h * up_h, rows, up_t, num_queries, K).to(tl.float32)
    tl.store(DELTA + row * num_queries + rows, tl.sum(output * upstream, 1), mask=rows < num_queries)


@triton.jit
def _query_kernel(
    Q, K_, V, BIAS, UP, LOG_SUM, DELTA,
    q_b, q_h, q_t, k_b, k_h, k_s, v_b, v_h, v_s, bias_h, bias_t, up_b, up_h, up_t,
    FOR_Q, dq_b, dq_h, dq_t, num_queries, num_keys,
    HEADS: tl.constexpr, K: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_S: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(1)
    b, h = (row // HEADS).to(tl.int64), row % HEADS
    rows = tl.program_id(0) * BLOCK_T + tl.arange(0, BLOCK_T)
    q = _rows(Q + b * q_b + h * q_h, rows, q_t, num_queries, K)
    upstream = _rows(UP + b * up_b + h * up_h, rows, up_t, num_queries, K)
    log_sum = tl.load(LOG_SUM + row * num_queries + rows, mask=rows < num_queries, other=0.0)
    delta = tl.load(DELTA + row * num_queries + rows, mask=rows < num_queries, other=0.0)
    for_q = tl.zeros([BLOCK_T, K], tl.float32)
    for start in range(0, num_keys, BLOCK_S):
        keys = start + tl.arange(0, BLOCK_S)
        k = _rows(K_ + b * k_b + h * k_h, keys, k_s, num_keys, K)
        v = _rows(V + b * v_b + h * v_h, keys, v_s, num_keys, K)
        scores = _scores(q, k, BIAS + h * bias_h, rows, keys, bias_t, num_queries, num_keys)
        weights = tl.exp2(scores - log_sum[:, None])
        for_scores = weights * (tl.dot(upstream, tl.trans(v)) - delta[:, None])
        for_q = tl.dot(for_scores.to(k.dtype), k, for_q)
    _store_rows(FOR_Q + b * dq_b + h * dq_h, rows, dq_t, num_queries, for_q, K)


@triton.jit
def _key_kernel(
    Q, K_, V, BIAS, UP, LOG_SUM, DELTA,
    q_b, q_h, q_t, k_b, k_h, k_s, v_b, v_h, v_s, bias_h, bias_t, up_b, up_h, up_t,
    FOR_K, FOR_V, dk_b, dk_h, dk_s, dv_b, dv_h, dv_s, num_queries, num_keys,
    HEADS: tl.constexpr, K: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_S: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(1)
    b, h = (row // HEADS).to(tl.int64), row % HEADS
    keys = tl.program_id(0) * BLOCK_S + tl.arange(0, BLOCK_S)
    k = _rows(K_ + b * k_b + h * k_h, keys, k_s, num_keys, K)
    v = _rows(V + b * v_b + h * v_h, keys, v_s, num_keys, K)
    for_k = tl.zeros([BLOCK_S, K], tl.float32)
    for_v = tl.zeros([BLOCK_S, K], tl.float32)
    for start in range(0, num_queries, BLOCK_T):
        rows = start + tl.arange(0, BLOCK_T)
        inside = rows < num_queries
        q = _rows(Q + b * q_b + h * q_h, rows, q_t, num_queries, K)
        upstream = _rows(UP + b * up_b + h * up_h, rows, up_t, num_queries, K)
        # After the end the weights must be 0: exp2(score - infinity).
        log_sum = tl.load(LOG_SUM + row * num_queries + rows, mask=inside, other=float("inf"))
        delta = tl.load(DELTA + row * num_queries + rows, mask=inside, other=0.0)
        scores = _scores(q, k, BIAS + h * bias_h, rows, keys, bias_t, num_queries, num_keys)
        weights = tl.exp2(scores - log_sum[:, None])
        for_v = tl.dot(tl.trans(weights.to(upstream.dtype)), upstream, for_v)
        for_scores = weights * (tl.dot(upstream, tl.trans(v)) - delta[:, None])
        for_k = tl.dot(tl.trans(for_scores.to(q.dtype)), q, for_k)
    _store_rows(FOR_K + b * dk_b + h * dk_h, keys, dk_s, num_keys, for_k, K)
    _store_rows(FOR_V + b * dv_b + h * dv_h, keys, dv_s, num_keys, for_v, K)


@triton.jit
def _bias_kernel(
    Q, K_, V, BIAS, UP, LOG_SUM, DELTA,
    q_b, q_h, q_t, k_b, k_h, k_s, v_b, v_h, v_s, bias_h, bias_t, up_b, up_h, up_t,
    FOR_BIAS, batch, parts, num_queries, num_keys,
    HEADS: tl.constexpr, K: tl.constexpr, BLOCK_T: tl.constexpr, BLOCK_S: tl.constexpr,
):  # fmt: skip
    """A block of a head's bias gradient, summed over every `parts`-th example."""
    place = tl.program_id(2)
    part, h = place // HEADS, place % HEADS
    rows = tl.program_id(0) * BLOCK_T + tl.arange(0, BLOCK_T)
    keys = tl.program_id(1) * BLOCK_S + tl.arange(0, BLOCK_S)
    inside = (rows[:, None] < num_queries) & (keys[None, :] < num_keys)
    added = tl.load(BIAS + h * bias_h + rows[:, None] * bias_t + keys[None, :], mask=inside, other=0.0).to(tl.float32)
    for_bias = tl.zeros([BLOCK_T, BLOCK_S], tl.float32)
    for turn in range(0, tl.cdiv(batch - part, parts)):
        b = (part + turn * parts).to(tl.int64)
        row = b * HEADS + h
        q = _rows(Q + b * q_b + h * q_h, rows, q_t, num_queries, K)
        k = _rows(K_ + b * k_b + h * k_h, keys, k_s, num_keys, K)
        v = _rows(V + b * v_b + h * v_h, keys, v_s, num_keys, K)
        upstream = _rows(UP + b * up_b + h * up_h, rows, up_t, num_queries, K)
        log_sum = tl.load(LOG_SUM + row * num_queries + rows, mask=rows < num_queries, other=0.0)
        delta = tl.load(DELTA + row * num_queries + rows, mask=rows < num_queries, other=0.0)
        weights = tl.exp2((tl.dot(q, tl.trans(k)) + added) * _LOG2_E - log_sum[:, None])
        for_bias += weights * (tl.dot(upstream, tl.trans(v)) - delta[:, None])
    places = FOR_BIAS + place.to(tl.int64) * num_queries * num_keys + rows[:, None] * num_keys + keys[None, :]
    tl.store(places, for_bias, mask=inside)
