"""Beam search as in `transformers.generate`, so that an exported model gives the same outputs there.

The score of a hypothesis is its log probability / length^length_penalty, where the length includes EOS (the paper's own
code divides by ((5 + length) / 6)^0.6 instead). An example ends when its best running beam, scored at its present
length, is not better than the worst of `num_beams` finished hypotheses.

Shapes: B examples, K beams, T targets, V rows of the embedding.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from model.architectures.t5 import T5Model
from model.generation.largest import largest

_IMPOSSIBLE = -1e9


@torch.inference_mode()
def beam_search(
    model: T5Model,
    inputs_BS: Tensor,
    *,
    max_length: int,
    num_beams: int = 4,
    length_penalty: float = 0.6,
    stopping: Callable[[], bool] = lambda: False,
) -> Tensor:
    """(B, T) int64: the best hypothesis of each example with its EOS, then padding; T <= max_length.

    stopping: called at each token; if it returns True, decoding ends early.
    """
    decoding = model.start_decoding(inputs_BS, max_length)
    batch = inputs_BS.shape[0]
    decoding.repeat(num_beams)
    beams = _Beams(batch, num_beams, max_length, length_penalty, model.config.eos_id, inputs_BS.device)
    logits = decoding.first_logits_NV.repeat_interleave(num_beams, 0)
    for place in range(max_length):
        origins_BK, tokens_BK = beams.advance(logits.unflatten(0, (batch, num_beams)), place)
        if place + 1 == max_length or beams.is_done() or stopping():
            break
        decoding.select(origins_BK)
        logits = decoding.step(tokens_BK.flatten())
    return beams.best(model.config.pad_id)


class _Beams:
    """The running beams and the finished hypotheses of each example, best first."""

    def __init__(
        self, batch: int, num_beams: int, max_length: int, length_penalty: float, eos_id: int, device: torch.device
    ) -> None:
        self.num_beams, self.max_length, self.eos_id = num_beams, max_length, eos_id
        self.length_penalty = length_penalty
        self.running_BKT = torch.zeros(batch, num_beams, max_length, dtype=torch.int64, device=device)
        self.running_scores_BK = torch.full((batch, num_beams), _IMPOSSIBLE, device=device)
        self.running_scores_BK[:, 0] = 0.0  # all beams are equal at first, so only the first may continue
        self.finished_BKT = torch.zeros_like(self.running_BKT)
        self.finished_scores_BK = torch.full((batch, num_beams), _IMPOSSIBLE, device=device)
        self.is_finished_BK = torch.zeros(batch, num_beams, dtype=torch.bool, device=device)
        self.can_improve_B1 = torch.ones(batch, 1, dtype=torch.bool, device=device)

    def advance(self, logits_BKV: Tensor, place: int) -> tuple[Tensor, Tensor]:
        """Continue each example by one token. Returns: the old beam and the token of each new beam, both (B, K).

        There are twice as many candidates as beams, so that enough are left if the best candidates end.
        """
        scores_BC, origins_BC, tokens_BC = self._candidates(logits_BKV)
        candidates_BCT = _gather(self.running_BKT, origins_BC)
        candidates_BCT[:, :, place] = tokens_BC
        ends_BC = candidates_BCT[:, :, place] == self.eos_id
        if place + 1 == self.max_length:
            ends_BC = torch.ones_like(ends_BC)
        self._finish(candidates_BCT, scores_BC, ends_BC, length=place + 1)
        scores_BC = scores_BC + ends_BC * _IMPOSSIBLE
        chosen_BK = scores_BC.topk(self.num_beams)[1]
        self.running_BKT = _gather(candidates_BCT, chosen_BK)
        self.running_scores_BK = scores_BC.gather(1, chosen_BK)
        best_possible_B1 = self.running_scores_BK[:, :1] / (place + 1) ** self.length_penalty
        worst_B1 = self.finished_scores_BK.amin(1, keepdim=True)
        worst_BK = torch.where(self.is_finished_BK, worst_B1, _IMPOSSIBLE)
        self.can_improve_B1 = self.can_improve_B1 & (best_possible_B1 > worst_BK).any(1, keepdim=True)
        return origins_BC.gather(1, chosen_BK), self.running_BKT[:, :, place]

    def _candidates(self, logits_BKV: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The best continuations of each example: score, old beam and token, all (B, C).

        The best of an example are among the best of its beams, so only those are given scores.
        """
        num_candidates = min(2 * self.num_beams, logits_BKV.shape[1] * logits_BKV.shape[2])
        log_probabilities = torch.log_softmax(logits_BKV, 2)
        best_BKC, tokens_BKC = largest(log_probabilities, min(num_candidates, logits_BKV.shape[2]))
        scores_BC, chosen_BC = (best_BKC + self.running_scores_BK[:, :, None]).flatten(1).topk(num_candidates)
        return scores_BC, chosen_BC // tokens_BKC.shape[2], tokens_BKC.flatten(1).gather(1, chosen_BC)

    def _finish(self, candidates_BCT: Tensor, scores_BC: Tensor, ends_BC: Tensor, length: int) -> None:
        """Keep the best of the finished hypotheses and of those first K candidates that end."""
        is_first = torch.arange(scores_BC.shape[1], device=scores_BC.device) < self.num_beams
        ends_BC = ends_BC & is_first
        scores_BC = scores_BC / length**self.length_penalty
        scores_BC = scores_BC + (~(ends_BC & self.can_improve_B1)) * _IMPOSSIBLE
        all_scores = torch.cat([self.finished_scores_BK, scores_BC], 1)
        chosen_BK = all_scores.topk(self.num_beams)[1]
        self.finished_scores_BK = all_scores.gather(1, chosen_BK)
        self.finished_BKT = _gather(torch.cat([self.finished_BKT, candidates_BCT], 1), chosen_BK)
        self.is_finished_BK = torch.cat([self.is_finished_BK, ends_BC], 1).gather(1, chosen_BK)

    def is_done(self) -> bool:
        return not bool(self.can_improve_B1.any())

    def best(self, pad_id: int) -> Tensor:
        """(B, T): the best finished hypothesis of each example; T is the length of the longest."""
        best_BT = self.finished_BKT[:, 0]
        ended_before = torch.nn.functional.pad((best_BT == self.eos_id).cumsum(1)[:, :-1], (1, 0)) > 0
        best_BT = best_BT.masked_fill(ended_before, pad_id)
        longest = int((~ended_before).sum(1).max())
        return best_BT[:, :longest]


def _gather(x_BKT: Tensor, beams_BC: Tensor) -> Tensor:
    """(B, C, T): the chosen beams of each example."""
    return x_BKT.gather(1, beams_BC[:, :, None].expand(-1, -1, x_BKT.shape[2]))
