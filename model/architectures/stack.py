"""The stack of layers that all architectures consist of; the masks make it an encoder or a decoder.

Shapes: B examples, T positions, S positions of the memory (the encoder's outputs), D features, H heads.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from model.architectures import dropout
from model.architectures.attention import MASKED, Attention, GroupView, aligned
from model.architectures.cache import LayerCache
from model.architectures.config import ModelConfig
from model.architectures.layers import FEED_FORWARDS, Adapter, RMSNorm, compute_dtype, residual
from model.architectures.linear import Linear
from model.architectures.position_bias import RelativePositionBias
from model.architectures.unpadded import Group, Tokens

# Numbers of the places that have dropout, in a layer and in a stack.
_SELF_WEIGHTS, _SELF_OUTPUT, _CROSS_WEIGHTS, _CROSS_OUTPUT, _HIDDEN, _FEED_FORWARD_OUTPUT = range(6)
_EMBEDDED, _FINAL, _FIRST_LAYER = range(3)


class Layer(nn.Module):
    """Self-attention, cross-attention (if the layer has it and a memory is given) and feed-forward, each added to x."""

    def __init__(self, config: ModelConfig, *, has_cross_attention: bool) -> None:
        super().__init__()
        self.dropout_rate = config.dropout_rate
        self.self_attention_norm = RMSNorm(config)
        self.self_attention = Attention(config)
        if has_cross_attention:
            self.cross_attention_norm = RMSNorm(config)
            self.cross_attention = Attention(config)
        self.feed_forward_norm = RMSNorm(config)
        self.feed_forward = FEED_FORWARDS[config.feed_forward](config)
        self.adapter = Adapter(config) if config.adapter_size else nn.Identity()

    def forward(
        self,
        x_BTD: Tensor,
        bias_BHTT: Tensor | tuple[GroupView, ...],
        memory_BSD: Tensor | None,
        memory_bias_BHTS: Tensor | tuple[GroupView, ...] | None,
        keys_B: Tensor | None,
        examples_N: Tensor | None = None,
    ) -> Tensor:
        def drop(change: Tensor, number: int) -> Tensor:
            return dropout.drop(change, keys_B, number, self.dropout_rate, examples_N)

        normed = self.self_attention_norm(x_BTD)
        seen = self.self_attention(normed, normed, bias_BHTT, self._at(keys_B, _SELF_WEIGHTS))
        x_BTD = x_BTD + drop(seen, _SELF_OUTPUT)
        if memory_BSD is not None:
            normed = self.cross_attention_norm(x_BTD)
            seen = self.cross_attention(normed, memory_BSD, memory_bias_BHTS, self._at(keys_B, _CROSS_WEIGHTS))
            x_BTD = x_BTD + drop(seen, _CROSS_OUTPUT)
        hidden = self.feed_forward(self.feed_forward_norm(x_BTD), self._at(keys_B, _HIDDEN), examples_N)
        return x_BTD + drop(self.adapter(hidden), _FEED_FORWARD_OUTPUT)

    def extend(self, x_BQD: Tensor, cache: LayerCache, bias: Tensor, memory_bias: Tensor | None) -> Tensor:
        """The same for new rows after the cached ones, without dropout. Their keys and values go to the cache.

        The Q rows of an example are either Q new positions, or one new position of each of its Q beams.
        """
        normed = self.self_attention_norm(x_BQD)
        k_BHCK, v_BHCK = cache.append(*self.self_attention.keys_and_values(normed))
        x_BQD = x_BQD + self.self_attention.look(normed, k_BHCK, v_BHCK, bias)
        if cache.memory is not None:
            # The beams of an example are queries to the same memory, so they need no copies of it.
            x_BQD = x_BQD + self.cross_attention.look(self.cross_attention_norm(x_BQD), *cache.memory, memory_bias)
        return x_BQD + self.adapter(self.feed_forward(self.feed_forward_norm(x_BQD)))

    def _at(self, keys_B: Tensor | None, number: int) -> Tensor | None:
        return None if keys_B is None else dropout.place(keys_B, number)


class Stack(nn.Module):
    """Layers that share a relative position bias, with a norm at the end."""

    def __init__(self, config: ModelConfig, *, num_layers: int, has_cross_attention: bool, bidirectional: bool) -> None:
        super().__init__()
        self.dropout_rate = config.dropout_rate
        self.activation_checkpointing = False
        self._run_for_gradients: Callable[..., Tensor] = _run
        self.position_bias = RelativePositionBias(
            num_buckets=config.num_buckets,
            max_distance=config.max_distance,
            num_heads=config.num_heads,
            bidirectional=bidirectional,
        )
        self.layers = nn.ModuleList(Layer(config, has_cross_attention=has_cross_attention) for _ in range(num_layers))
        self.final_norm = RMSNorm(config)

    def forward(
        self,
        x_BTD: Tensor,
        visible_BTT: Tensor | None,
        memory_BSD: Tensor | None = None,
        memory_visible_BTS: Tensor | None = None,
        keys_B: Tensor | None = None,
        tokens: Tokens | None = None,
        memory_tokens: Tokens | None = None,
    ) -> Tensor:
        """(B, T, D).

        visible_BTT: bool, which keys a query sees; its B and first T may be 1; None: all keys.
        memory_visible_BTS: the same for the memory. keys_B: dropout keys; None: no dropout.
        tokens, memory_tokens: if they are given, x is (N, D) and the memory (M, D), without padding. `visible_BTT` must
            be for the padded examples, None (all tokens), or causal; and each token sees all of its example's memory.
        """
        dtype = compute_dtype(x_BTD)
        memory_BSD = None if memory_BSD is None else memory_BSD.to(dtype)
        bias: Tensor | tuple[GroupView, ...]
        memory_bias: Tensor | tuple[GroupView, ...] | None
        if tokens is None:
            bias = self.bias(x_BTD.shape[1], visible_BTT, dtype)
            memory_bias = None if memory_visible_BTS is None else visibility_bias(memory_visible_BTS, dtype)
        else:
            bias = self._own_views(tokens, visible_BTT, dtype)
            memory_bias = None if memory_tokens is None else _memory_views(tokens, memory_tokens, dtype)
        examples_N = None if tokens is None else tokens.examples_N
        x_BTD = dropout.drop(residual(x_BTD), keys_B, _EMBEDDED, self.dropout_rate, examples_N)
        run = self._run_for_gradients if torch.is_grad_enabled() else _run
        for number, layer in enumerate(self._layers()):
            keys_of_layer = None if keys_B is None else dropout.place(keys_B, _FIRST_LAYER + number)
            arguments = (layer, x_BTD, bias, memory_BSD, memory_bias, keys_of_layer, examples_N)
            if self.activation_checkpointing and torch.is_grad_enabled():
                # Dropout masks come from keys, so there is no generator state to preserve.
                x_BTD = checkpoint(run, *arguments, use_reentrant=False, preserve_rng_state=False)
            else:
                x_BTD = run(*arguments)
        return dropout.drop(self.final_norm(x_BTD), keys_B, _FINAL, self.dropout_rate, examples_N)

    def compile_layers(self, **options: Any) -> None:
        """Where gradients are wanted, compute all layers by compiled code. All layers of a stack are one graph.

        options: of `torch.compile`.
        """
        self._run_for_gradients = torch.compile(_run, dynamic=False, **options)

    @property
    def wants_fixed_shapes(self) -> bool:
        """Whether each new shape would compile the layers again."""
        return torch.is_grad_enabled() and self._run_for_gradients is not _run

    def _own_views(self, tokens: Tokens, visible_BTT: Tensor | None, dtype: torch.dtype) -> tuple[GroupView, ...]:
        is_shared = visible_BTT is not None and len(visible_BTT) == 1
        bias_1HTT = self.bias(tokens.is_token_BS.shape[1], visible_BTT if is_shared else None, dtype)
        views, start = [], 0
        for group in tokens.groups:
            mask = None  # what is visible to all examples alike is in the bias, and being causal it hides the padding
            if visible_BTT is None:
                mask = _mask(group, dtype)
            elif not is_shared:
                seen_GLL = visible_BTT[start : start + group.num_examples, : group.length, : group.length]
                mask = visibility_bias(seen_GLL, dtype)
            views.append(GroupView(group, group, bias_1HTT[..., : group.length, : group.length], mask))
            start += group.num_examples
        return tuple(views)

    def extend(
        self, x_BQD: Tensor, caches: list[LayerCache], bias: Tensor, memory_bias: Tensor | None = None
    ) -> Tensor:
        """(B, Q, D) for new rows after the cached ones. caches: one per layer.

        bias: (1 or B, H, Q, C), where C counts cached and new places.
        """
        x_BQD = residual(x_BQD)
        for layer, cache in zip(self._layers(), caches, strict=True):
            x_BQD = layer.extend(x_BQD, cache, bias, memory_bias)
        return self.final_norm(x_BQD)

    def read_memory(self, memory_BSD: Tensor, tokens: Tokens | None = None) -> list[tuple[Tensor, Tensor]]:
        """Each layer's keys and values (B, H, S, K) of the memory. They are contiguous, so that no step copies them.

        tokens: if they are given, the memory is (M, D), without padding.
        """
        pairs = [layer.cross_attention.keys_and_values(memory_BSD, tokens) for layer in self._layers()]
        return [(k_BHSK.contiguous(), v_BHSK.contiguous()) for k_BHSK, v_BHSK in pairs]

    def matrices(self) -> list[Tensor]:
        """The weights of the matrix products of the layers."""
        return [module.weight for module in self.layers.modules() if isinstance(module, Linear)]

    def _layers(self) -> list[Layer]:
        return cast(list[Layer], list(self.layers))

    def bias(self, length: int, visible_BTT: Tensor | None, dtype: torch.dtype) -> Tensor:
        """(1 or B, H, T, T): position bias and mask in one tensor, made once for all layers.

        Rows are padded in memory, because otherwise the fused kernel of each layer would copy all of it to align them.
        """
        bias = self.position_bias(length, aligned(length)).to(dtype)
        if visible_BTT is not None:
            visible = nn.functional.pad(visible_BTT, (0, aligned(length) - length))
            bias = torch.where(visible[:, None], bias, MASKED)
        return bias[..., :length]


def _run(layer: Layer, *arguments: Any) -> Tensor:
    return layer(*arguments)


def _memory_views(tokens: Tokens, memory_tokens: Tokens, dtype: torch.dtype) -> tuple[GroupView, ...]:
    pairs = zip(tokens.groups, memory_tokens.groups, strict=True)
    return tuple(GroupView(group, memory, None, _mask(memory, dtype)) for group, memory in pairs)


def _mask(group: Group, dtype: torch.dtype) -> Tensor | None:
    return None if group.visible_GL is None else visibility_bias(group.visible_GL[:, None, :], dtype)


def visibility_bias(visible_BTS: Tensor, dtype: torch.dtype) -> Tensor:
    """(B, 1, T, S): 0 for a key that is seen, MASKED for others."""
    length = visible_BTS.shape[-1]
    visible = nn.functional.pad(visible_BTS, (0, aligned(length) - length))
    zeros = torch.zeros(visible.shape, dtype=dtype, device=visible.device)
    return zeros.masked_fill(~visible, MASKED)[:, None, :, :length]
