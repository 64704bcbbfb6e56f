"""A model read one target token at a time, with the keys and values of the past kept.

Shapes: B examples, N rows (examples x beams), S inputs, T new positions, C positions so far, V rows of the embedding.
"""

import torch
from torch import Tensor, nn

from model.architectures.attention import MASKED
from model.architectures.cache import LayerCache
from model.architectures.decoder_only import DecoderLM
from model.architectures.encoder_decoder import EncoderDecoder
from model.architectures.layers import compute_dtype
from model.architectures.stack import Stack, visibility_bias
from model.architectures.t5 import T5Model, causal, widen


class Decoding:
    """What generation needs of a model: the first distribution, and the next one after a token.

    Rows begin as the examples; `select` makes beams of them.
    """

    first_logits_NV: Tensor

    def __init__(self, model: T5Model, stack: Stack, caches: list[LayerCache]) -> None:
        self.model = model
        self.stack = stack
        self.caches = caches
        self.memory_bias: Tensor | None = None
        # Of each kept position: its place in the row's sequence, and whether it is no padding.
        self.positions_NC: Tensor = torch.empty(0)
        self.visible_NC: Tensor | None = None
        self.next_positions_N: Tensor = torch.empty(0)

    def step(self, tokens_N: Tensor) -> Tensor:
        """(N, V): the distribution after one more token a row."""
        self.positions_NC = torch.cat([self.positions_NC, self.next_positions_N[:, None]], 1)
        if self.visible_NC is not None:
            self.visible_NC = nn.functional.pad(self.visible_NC, (0, 1), value=True)
        bias = self.stack.position_bias.between(self.next_positions_N, self.positions_NC)
        if self.visible_NC is not None:
            bias = torch.where(self.visible_NC[:, None, None, :], bias, MASKED)
        self.next_positions_N = self.next_positions_N + 1
        x_N1D = self.model.embedding(tokens_N[:, None])
        hidden_N1D = self.stack.extend(x_N1D, self.caches, bias.to(compute_dtype(x_N1D)), self.memory_bias)
        return self.model.project(hidden_N1D[:, 0]).float()

    def select(self, rows: Tensor) -> None:
        """Make rows of the given old rows; rows of an example stay together, examples stay in their order."""
        for cache in self.caches:
            cache.select(rows)
        self._select_positions(rows)

    def select_examples(self, examples: Tensor) -> None:
        """Go on with some examples only (one row an example)."""
        for cache in self.caches:
            cache.select(examples)
            cache.select_memory(examples)
        if self.memory_bias is not None:
            self.memory_bias = self.memory_bias[examples]
        self._select_positions(examples)

    def _select_positions(self, rows: Tensor) -> None:
        if self.positions_NC.shape[0] > 1:
            self.positions_NC = self.positions_NC[rows]
            self.next_positions_N = self.next_positions_N[rows]
        if self.visible_NC is not None:
            self.visible_NC = self.visible_NC[rows]


class EncoderDecoderDecoding(Decoding):
    """The inputs are encoded once; their keys and values in each layer are made once."""

    def __init__(self, model: EncoderDecoder, inputs_BS: Tensor, max_length: int) -> None:
        memory_BSD = model.encode(inputs_BS)
        memory_BSD = memory_BSD.to(compute_dtype(memory_BSD))
        stack = model.decoder
        caches = [LayerCache(max_length, memory=memory) for memory in stack.read_memory(memory_BSD)]
        super().__init__(model, stack, caches)
        visible_B1S = (inputs_BS != model.config.pad_id)[:, None, :]
        self.memory_bias = visibility_bias(visible_B1S, compute_dtype(memory_BSD))
        # All rows are at the same place, so one row of positions serves them all.
        self.positions_NC = inputs_BS.new_empty(1, 0)
        self.next_positions_N = inputs_BS.new_zeros(1)
        self.first_logits_NV = self.step(inputs_BS.new_full((inputs_BS.shape[0],), model.config.pad_id))


class DecoderOnlyDecoding(Decoding):
    """The inputs are read as the beginning of the sequence that is then continued.

    Shorter inputs leave a gap before the first new token. The gap is never seen and takes no positions, so that a row
    is what it would be alone.
    """

    def __init__(self, model: DecoderLM, inputs_BS: Tensor, max_length: int) -> None:
        stack = model.decoder
        batch, length = inputs_BS.shape[0], inputs_BS.shape[1] + 1
        super().__init__(model, stack, [LayerCache(length + max_length) for _ in stack.layers])
        lengths_B = (inputs_BS != model.config.pad_id).sum(1)
        places_L = torch.arange(length, device=inputs_BS.device)
        # Place 0 reads the start, place i the i-th input; the place of the last input predicts the first target.
        read_BL = nn.functional.pad(inputs_BS, (1, 0), value=model.config.pad_id)
        exists_BL = places_L[None, :] <= lengths_B[:, None]
        visible_BLL = exists_BL[:, None, :]
        if not model.sees_whole_prefix:
            visible_BLL = visible_BLL & causal(length, inputs_BS.device)
        x_BLD = model.embedding(read_BL)
        hidden_BLD = stack.extend(x_BLD, self.caches, stack.bias(length, visible_BLL, compute_dtype(x_BLD)))
        self.first_logits_NV = model.project(hidden_BLD[torch.arange(batch), lengths_B]).float()
        self.positions_NC = places_L.expand(batch, length)
        self.visible_NC = exists_BL
        self.next_positions_N = lengths_B + 1


def start_decoding(model: T5Model, inputs_BS: Tensor, max_length: int) -> Decoding:
    """Read the inputs (0 is padding, at the end) and be ready for at most `max_length` targets."""
    inputs_BS = widen(inputs_BS)
    if isinstance(model, EncoderDecoder):
        return EncoderDecoderDecoding(model, inputs_BS, max_length)
    if isinstance(model, DecoderLM):
        return DecoderOnlyDecoding(model, inputs_BS, max_length)
    raise TypeError(f"no decoding is known for {type(model).__name__}")
