"""The parts that all architectures share: embedding, output, loss.

Shapes: B examples, S inputs, T targets, D features, V rows of the embedding.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from model.architectures import loss, unpadded
from model.architectures.config import ModelConfig
from model.architectures.decoding import Decoding
from model.architectures.linear import Linear, linear, pack
from model.architectures.loss import Loss
from model.architectures.stack import Stack


class Examples(NamedTuple):
    """What a model reads (inputs) and what it predicts (targets).

    Ids have any integer dtype (16-bit ids are widened on the device). Padding is neither seen nor counted.
    segments: for packed rows, the number (1, 2, ...) of each token's example, 0 for padding. The tokens of an example
        are adjacent, and it sees only itself, so that its loss does not depend on the other examples of the row.
    inputs_are_full: the caller promises that no input is padding, which saves the masks.
    """

    inputs_BS: Tensor
    targets_BT: Tensor
    inputs_segments_BS: Tensor | None = None
    targets_segments_BT: Tensor | None = None
    inputs_are_full: bool = False


class Pass(NamedTuple):
    """One run of examples through a stack.

    length: positions that are read. memory_length: positions of the memory that cross-attention reads (0: no memory).
    has_masks_of_rows: each row has its own mask.
    """

    num_layers: int
    length: int
    memory_length: int = 0
    has_masks_of_rows: bool = False


class T5Model(nn.Module, ABC):
    """A model that reads inputs and predicts targets. Each architecture is a subclass and states facts about itself.

    needs_inputs: whether it cannot learn from examples without inputs. is_t5: whether Hugging Face's T5 computes the
    same.
    """

    needs_inputs: ClassVar[bool]
    is_t5: ClassVar[bool] = False

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        # Given a weight, it does not draw one. On the meta device, drawing would import the whole compiler first.
        weight = torch.empty(config.vocabulary_size, config.d_model)
        self.embedding = nn.Embedding.from_pretrained(weight, freeze=False)
        if not config.tie_embeddings:
            self.head = Linear(config.d_model, config.vocabulary_size)

    def stacks(self) -> list[Stack]:
        """The stacks of the model; a shared stack occurs once."""
        return [module for module in self.children() if isinstance(module, Stack)]

    def set_activation_checkpointing(self, on: bool) -> None:
        """Keep only each layer's input in the forward pass and compute the rest again in the backward pass."""
        for stack in self.stacks():
            stack.activation_checkpointing = on

    def compile_layers(self, **options: Any) -> None:
        """Compile one layer of each stack instead of the whole model. See `Stack.compile_layers`."""
        for stack in self.stacks():
            stack.compile_layers(**options)

    def leaves_padding_out(self, examples: Examples) -> bool:
        """Whether padding is not computed. Then shapes depend on the tokens, which a compiler does not want."""
        if examples.inputs_segments_BS is not None or any(stack.wants_fixed_shapes for stack in self.stacks()):
            return False
        return unpadded.saves(examples.inputs_BS, examples.targets_BT, pad_id=self.config.pad_id)

    def forward(self, examples: Examples, *, dropout_keys_B: Tensor | None = None, z_loss: float = 0.0) -> Loss:
        """The loss of predicting each target token from the inputs and the targets before it (teacher forcing).

        dropout_keys_B: `dropout.example_keys(...)`; None: no dropout. z_loss: see `loss.cross_entropy`.
        """
        hidden_ND, targets_N = self.hidden_of_targets(_widened(examples), dropout_keys_B)
        is_counted_N = targets_N != self.config.pad_id
        if unpadded.is_possible(targets_N) and not is_counted_N.all():
            places = is_counted_N.nonzero()[:, 0]
            hidden_ND, targets_N, is_counted_N = (
                unpadded.take(hidden_ND, places),
                targets_N[places],
                is_counted_N[places],
            )
        return loss.cross_entropy(self.scaled(hidden_ND), self.head_weight(), targets_N, is_counted_N, z_loss=z_loss)

    def hidden_of_targets(self, examples: Examples, dropout_keys_B: Tensor | None) -> tuple[Tensor, Tensor]:
        """`hidden` and the targets that it predicts, in any order: (N, D) and (N,). Padding may be left out."""
        return self.hidden(examples, dropout_keys_B).flatten(0, 1), examples.targets_BT.flatten()

    def logits(self, examples: Examples) -> Tensor:
        """(B, T, V): the logits of each target given the inputs and the targets before it, as in training."""
        return self.project(self.hidden(_widened(examples)))

    @abstractmethod
    def hidden(self, examples: Examples, dropout_keys_B: Tensor | None = None) -> Tensor:
        """(B, T, D): the last stack's output at the place that predicts each target. The ids are int64."""

    @abstractmethod
    def passes(self, inputs_length: int, targets_length: int) -> list[Pass]:
        """The passes of `hidden` for examples of these lengths. Memory and operations are computed from them."""

    @abstractmethod
    def start_decoding(self, inputs_BS: Tensor, max_length: int) -> Decoding:
        """Read the inputs (0 is padding, at the end) and prepare decoding of at most `max_length` targets."""

    def pack_for_decoding(self, stack: Stack, num_rows: int) -> None:
        """Prepare the weights that each decoding step multiplies with few rows. See `linear.pack`."""
        pack([*stack.matrices(), self.head_weight()], num_rows)

    def project(self, hidden: Tensor) -> Tensor:
        """Logits (..., V) of hidden states (..., D)."""
        return linear(self.scaled(hidden), self.head_weight())

    def scaled(self, hidden: Tensor) -> Tensor:
        """Hidden states for the head. The rows of a tied embedding are N(0, 1), too large for a head: scaled down."""
        return hidden * self.config.d_model**-0.5 if self.config.tie_embeddings else hidden

    def head_weight(self) -> Tensor:
        """(V, D)."""
        return self.embedding.weight if self.config.tie_embeddings else self.head.weight


def _widened(examples: Examples) -> Examples:
    return examples._replace(inputs_BS=widen(examples.inputs_BS), targets_BT=widen(examples.targets_BT))


def widen(ids: Tensor) -> Tensor:
    """Ids as int64. 16-bit ids travel as uint16, or as int16 with the same bits."""
    wide = ids.to(torch.int64)
    return wide & 0xFFFF if ids.dtype == torch.int16 else wide


def shift_right(tokens_BT: Tensor, segments_BT: Tensor | None, start_id: int) -> Tensor:
    """What a decoder reads to predict `tokens`: the token before each, and `start_id` at the beginning of an example.

    >>> shift_right(torch.tensor([[5, 6, 7, 8]]), torch.tensor([[1, 1, 2, 2]]), 0).tolist()
    [[0, 5, 0, 7]]
    """
    before = nn.functional.pad(tokens_BT[:, :-1], (1, 0), value=start_id)
    if segments_BT is None:
        return before
    return torch.where(starts(segments_BT), start_id, before)


def starts(segments_BT: Tensor) -> Tensor:
    """Whether a segment begins at a token: whether the token before belongs to another segment.

    >>> starts(torch.tensor([[1, 1, 2, 0]])).tolist()
    [[True, False, True, True]]
    """
    return segments_BT != nn.functional.pad(segments_BT[:, :-1], (1, 0), value=-1)


def causal(length: int, device: torch.device) -> Tensor:
    """(1, T, T) bool: a query sees itself and the positions before it."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()[None]
