"""One stack that reads inputs and targets as one sequence: language model and prefix language model.

Shapes: B examples, S inputs, T targets, L = S + T, D features.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from model.architectures import unpadded
from model.architectures.cache import LayerCache
from model.architectures.config import ModelConfig
from model.architectures.decoding import Decoding
from model.architectures.layers import compute_dtype
from model.architectures.stack import Stack
from model.architectures.t5 import Examples, Pass, T5Model, causal, shift_right, starts, widen


class Joined(NamedTuple):
    """Inputs and targets as one sequence: the targets of an example follow its inputs, and padding is at the end.

    order_BL: for each place of the sequence, the index in inputs + targets that it came from.
    """

    tokens_BL: Tensor
    is_input_BL: Tensor
    segments_BL: Tensor
    order_BL: Tensor


def join(inputs_BS: Tensor, targets_BT: Tensor, inputs_segments: Tensor, targets_segments: Tensor) -> Joined:
    """Join each example's inputs and targets; segments are 1, 2, ... and 0 for padding.

    >>> inputs, targets = torch.tensor([[5, 6, 0]]), torch.tensor([[7, 1, 0]])
    >>> join(inputs, targets, (inputs != 0).long(), (targets != 0).long()).tokens_BL.tolist()
    [[5, 6, 7, 1, 0, 0]]
    """
    tokens = torch.cat([inputs_BS, targets_BT], 1)
    segments = torch.cat([inputs_segments, targets_segments], 1).to(torch.int64)
    is_target = torch.arange(tokens.shape[1], device=tokens.device) >= inputs_BS.shape[1]
    padding_last = torch.where(segments == 0, tokens.shape[1] + 1, segments)
    order = torch.argsort(2 * padding_last + is_target, dim=1, stable=True)
    is_input = (~is_target).expand_as(tokens)
    return Joined(tokens.gather(1, order), is_input.gather(1, order), segments.gather(1, order), order)


class DecoderLM(T5Model):
    """A language model: every position sees only the positions before it. The loss is on the targets."""

    needs_inputs = False
    sees_whole_prefix = False

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.decoder = Stack(
            config, num_layers=config.num_layers, has_cross_attention=False, bidirectional=self.sees_whole_prefix
        )

    def hidden(self, examples: Examples, dropout_keys_B: Tensor | None = None) -> Tensor:
        inputs_BS, targets_BT, inputs_segments_BS, targets_segments_BT, _ = examples
        is_packed = inputs_segments_BS is not None and targets_segments_BT is not None
        if inputs_segments_BS is None or targets_segments_BT is None:
            inputs_segments_BS = (inputs_BS != self.config.pad_id).to(torch.int64)
            targets_segments_BT = (targets_BT != self.config.pad_id).to(torch.int64)
        joined = join(inputs_BS, targets_BT, inputs_segments_BS, targets_segments_BT)
        before_BL = shift_right(joined.tokens_BL, joined.segments_BL, self.config.pad_id)
        hidden_BLD = self.decoder(self.embedding(before_BL), self._visible(joined, is_packed), keys_B=dropout_keys_B)
        # The place of each target in the sequence: the inverse of the order, at the targets' indices.
        place_BT = torch.argsort(joined.order_BL, dim=1)[:, inputs_BS.shape[1] :]
        return hidden_BLD.gather(1, place_BT[:, :, None].expand(-1, -1, hidden_BLD.shape[2]))

    def hidden_of_targets(self, examples: Examples, dropout_keys_B: Tensor | None) -> tuple[Tensor, Tensor]:
        if not self.leaves_padding_out(examples):
            return super().hidden_of_targets(examples, dropout_keys_B)
        inputs_BS, targets_BT, pad_id = examples.inputs_BS, examples.targets_BT, self.config.pad_id
        order_B = ((inputs_BS != pad_id).sum(1) + (targets_BT != pad_id).sum(1)).argsort(stable=True)
        inputs_BS, targets_BT = inputs_BS[order_B], targets_BT[order_B]
        joined = join(inputs_BS, targets_BT, inputs_BS != pad_id, targets_BT != pad_id)
        tokens = unpadded.find_tokens(joined.segments_BL, 0)
        hidden_ND = self.decoder(
            self.embedding(tokens.of(shift_right(joined.tokens_BL, joined.segments_BL, pad_id))),
            self._visible(joined, is_packed=False),
            keys_B=None if dropout_keys_B is None else dropout_keys_B[order_B],
            tokens=tokens,
        )
        places = (~tokens.of(joined.is_input_BL)).nonzero()[:, 0]
        return unpadded.take(hidden_ND, places), tokens.of(joined.tokens_BL)[places]

    def _visible(self, joined: Joined, is_packed: bool) -> Tensor:
        visible = causal(joined.tokens_BL.shape[1], joined.tokens_BL.device)
        if self.sees_whole_prefix:
            visible = visible | prefix_keys(joined)[:, None, :]
        if is_packed or self.sees_whole_prefix:
            visible = visible & (joined.segments_BL[:, :, None] == joined.segments_BL[:, None, :])
        return visible

    def passes(self, inputs_length: int, targets_length: int) -> list[Pass]:
        length = inputs_length + targets_length
        return [Pass(len(self.decoder.layers), length, has_masks_of_rows=self.sees_whole_prefix)]

    def start_decoding(self, inputs_BS: Tensor, max_length: int) -> Decoding:
        """Read the inputs as the beginning of the sequence that decoding continues.

        In a row of shorter inputs there is a gap before the first new token. No query sees the gap and it counts no
        positions, so the outputs of a row do not depend on the other rows.
        """
        inputs_BS = widen(inputs_BS)
        stack, pad_id = self.decoder, self.config.pad_id
        batch, length = inputs_BS.shape[0], inputs_BS.shape[1] + 1
        self.pack_for_decoding(stack, inputs_BS.shape[0])
        lengths_B = (inputs_BS != pad_id).sum(1)
        places_L = torch.arange(length, device=inputs_BS.device)
        # Place 0 reads the start id and place i the i-th input; the place of the last input predicts the first target.
        read_BL = nn.functional.pad(inputs_BS, (1, 0), value=pad_id)
        exists_BL = places_L[None, :] <= lengths_B[:, None]
        visible_BLL = exists_BL[:, None, :]
        if not self.sees_whole_prefix:
            visible_BLL = visible_BLL & causal(length, inputs_BS.device)
        x_BLD = self.embedding(read_BL)
        caches = [LayerCache(length + max_length) for _ in stack.layers]
        hidden_BLD = stack.extend(x_BLD, caches, stack.bias(length, visible_BLL, compute_dtype(x_BLD)))
        decoding = Decoding(
            self.embedding,
            self.project,
            stack,
            caches,
            positions_BC=places_L.expand(batch, length),
            next_positions_B=lengths_B + 1,
            visible_BC=exists_BL,
        )
        decoding.first_logits_NV = self.project(hidden_BLD[torch.arange(batch), lengths_B]).float()
        return decoding


class PrefixLM(DecoderLM):
    """The same, but all inputs see each other (paper, section 3.2.2)."""

    sees_whole_prefix = True


def prefix_keys(joined: Joined) -> Tensor:
    """(B, L) bool: places that read the start id or an input token. The whole prefix may see them.

    A place reads the token before it, so the prefix includes the place that predicts the first target (as in seqio's
    PrefixLMFeatureConverter, whose prefix is longer than the inputs by 1).
    """
    begins = starts(joined.segments_BL)
    reads_input = torch.nn.functional.pad(joined.is_input_BL[:, :-1], (1, 0), value=True)
    return begins | reads_input
