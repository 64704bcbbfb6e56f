"""Encoder-decoders: two stacks, two stacks of half the depth, or one shared stack.

Shapes: B examples, S inputs, T targets, D features.
"""

from torch import Tensor

from model.architectures import unpadded
from model.architectures.cache import LayerCache
from model.architectures.config import ModelConfig
from model.architectures.decoding import Decoding
from model.architectures.dropout import place
from model.architectures.layers import compute_dtype
from model.architectures.stack import Stack, visibility_bias
from model.architectures.t5 import Examples, Pass, T5Model, causal, shift_right, widen

_ENCODER, _DECODER = range(2)


class EncoderDecoder(T5Model):
    """The paper's baseline: the encoder sees all inputs, the decoder sees its past and the encoder's outputs."""

    needs_inputs = True
    is_t5 = True

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.encoder, self.decoder = self._make_stacks(config)

    def _make_stacks(self, config: ModelConfig) -> tuple[Stack, Stack]:
        encoder = Stack(config, num_layers=config.num_layers, has_cross_attention=False, bidirectional=True)
        decoder = Stack(config, num_layers=config.decoder_layers, has_cross_attention=True, bidirectional=False)
        return encoder, decoder

    def encode(
        self,
        inputs_BS: Tensor,
        *,
        dropout_keys_B: Tensor | None = None,
        segments_BS: Tensor | None = None,
        inputs_are_full: bool = False,
    ) -> Tensor:
        """(B, S, D)."""
        visible: Tensor | None
        if segments_BS is not None:
            visible = (segments_BS[:, :, None] == segments_BS[:, None, :]) & (segments_BS != 0)[:, None, :]
        else:
            visible = None if inputs_are_full else (inputs_BS != self.config.pad_id)[:, None, :]
        keys = None if dropout_keys_B is None else place(dropout_keys_B, _ENCODER)
        return self.encoder(self.embedding(inputs_BS), visible, keys_B=keys)

    def hidden(self, examples: Examples, dropout_keys_B: Tensor | None = None) -> Tensor:
        inputs_BS, targets_BT, inputs_segments_BS, targets_segments_BT, inputs_are_full = examples
        memory_BSD = self.encode(
            inputs_BS,
            dropout_keys_B=dropout_keys_B,
            segments_BS=inputs_segments_BS,
            inputs_are_full=inputs_are_full,
        )
        # Padding of the targets needs no mask: it comes after all tokens, where the causal mask hides it.
        visible = causal(targets_BT.shape[1], targets_BT.device)
        memory_visible: Tensor | None
        if inputs_segments_BS is not None and targets_segments_BT is not None:
            visible = visible & (targets_segments_BT[:, :, None] == targets_segments_BT[:, None, :])
            memory_visible = targets_segments_BT[:, :, None] == inputs_segments_BS[:, None, :]
        else:
            memory_visible = None if inputs_are_full else (inputs_BS != self.config.pad_id)[:, None, :]
        before_BT = shift_right(targets_BT, targets_segments_BT, self.config.pad_id)
        keys = None if dropout_keys_B is None else place(dropout_keys_B, _DECODER)
        return self.decoder(self.embedding(before_BT), visible, memory_BSD, memory_visible, keys_B=keys)

    def hidden_of_targets(self, examples: Examples, dropout_keys_B: Tensor | None) -> tuple[Tensor, Tensor]:
        if not self.leaves_padding_out(examples):
            return super().hidden_of_targets(examples, dropout_keys_B)
        pad_id = self.config.pad_id
        # Sorted, so that examples of similar length are in a group.
        order_B = unpadded.lengths(examples.inputs_BS, pad_id).argsort(stable=True)
        inputs_BS, targets_BT = examples.inputs_BS[order_B], examples.targets_BT[order_B]
        inputs, targets = unpadded.find_tokens(inputs_BS, pad_id), unpadded.find_tokens(targets_BT, pad_id)
        encoder_keys = None if dropout_keys_B is None else place(dropout_keys_B[order_B], _ENCODER)
        decoder_keys = None if dropout_keys_B is None else place(dropout_keys_B[order_B], _DECODER)
        memory_MD = self.encoder(self.embedding(inputs.of(inputs_BS)), None, keys_B=encoder_keys, tokens=inputs)
        hidden_ND = self.decoder(
            self.embedding(targets.of(shift_right(targets_BT, None, pad_id))),
            causal(targets_BT.shape[1], targets_BT.device),
            memory_MD,
            keys_B=decoder_keys,
            tokens=targets,
            memory_tokens=inputs,
        )
        return hidden_ND, targets.of(targets_BT)

    def passes(self, inputs_length: int, targets_length: int) -> list[Pass]:
        return [
            Pass(len(self.encoder.layers), inputs_length, has_masks_of_rows=True),
            Pass(len(self.decoder.layers), targets_length, inputs_length),
        ]

    def start_decoding(self, inputs_BS: Tensor, max_length: int) -> Decoding:
        """Encode the inputs once, and compute their keys and values once per layer."""
        inputs_BS = widen(inputs_BS)
        memories = self._read(inputs_BS)
        self.pack_for_decoding(self.decoder, inputs_BS.shape[0])
        visible_B1S = (inputs_BS != self.config.pad_id)[:, None, :]
        decoding = Decoding(
            self.embedding,
            self.project,
            self.decoder,
            [LayerCache(max_length, memory=memory) for memory in memories],
            # All examples are at the same place, so one row of positions is enough.
            positions_BC=inputs_BS.new_empty(1, 0),
            next_positions_B=inputs_BS.new_zeros(1),
            memory_bias=visibility_bias(visible_B1S, memories[0][0].dtype),
        )
        decoding.first_logits_NV = decoding.step(inputs_BS.new_full((inputs_BS.shape[0],), self.config.pad_id))
        return decoding

    def _read(self, inputs_BS: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The keys and values (B, H, S, K) of the encoder's outputs for each layer of the decoder."""
        pad_id = self.config.pad_id
        # An example without any tokens sees its padding, so that must be computed.
        if not unpadded.saves(inputs_BS, pad_id=pad_id) or not (inputs_BS != pad_id).any(1).all():
            memory_BSD = self.encode(inputs_BS)
            return self.decoder.read_memory(memory_BSD.to(compute_dtype(memory_BSD)))
        tokens = unpadded.find_tokens(inputs_BS, pad_id)
        memory_MD = self.encoder(self.embedding(tokens.of(inputs_BS)), None, tokens=tokens)
        return self.decoder.read_memory(memory_MD.to(compute_dtype(memory_MD)), tokens)


class HalfEncoderDecoder(EncoderDecoder):
    """Half the layers in each stack: as many parameters as the language model, at half the cost (paper, 3.2.2)."""

    def _make_stacks(self, config: ModelConfig) -> tuple[Stack, Stack]:
        halved = config.with_(num_layers=max(1, config.num_layers // 2), num_decoder_layers=None)
        return super()._make_stacks(halved)


class SharedEncoderDecoder(EncoderDecoder):
    """One stack that reads first the inputs and then the targets: norms, self-attention, feed-forward, bias are shared.

    Cross-attention has no counterpart in an encoder, so only the decoder's pass uses it. The bias has the encoder's
    (bidirectional) buckets in both passes, so that a row of its table means the same distance in both.
    """

    is_t5 = False

    def __init__(self, config: ModelConfig) -> None:
        super(EncoderDecoder, self).__init__(config)
        self.stack = Stack(config, num_layers=config.num_layers, has_cross_attention=True, bidirectional=True)

    @property
    def encoder(self) -> Stack:  # type: ignore[override]
        return self.stack

    @property
    def decoder(self) -> Stack:  # type: ignore[override]
        return self.stack
