"""Greedy decoding: the most likely token at each step.

Shapes: B examples, N examples that are still computed, T targets.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from model.architectures.t5 import T5Model
from model.generation.largest import index_of_largest


@torch.inference_mode()
def greedy_search(
    model: T5Model, inputs_BS: Tensor, *, max_length: int, stopping: Callable[[], bool] = lambda: False
) -> Tensor:
    """(B, T) int64: the tokens of each example including EOS, then padding; T <= max_length.

    As soon as half of the computed examples have ended, they are left out of the following steps.

    stopping: called at each token; if it returns True, decoding ends early.
    """
    pad_id, eos_id = model.config.pad_id, model.config.eos_id
    decoding = model.start_decoding(inputs_BS, max_length)
    batch = inputs_BS.shape[0]
    targets_BT = inputs_BS.new_full((batch, max_length), pad_id, dtype=torch.int64)
    examples_N = torch.arange(batch, device=inputs_BS.device)
    has_ended_N = torch.zeros(batch, dtype=torch.bool, device=inputs_BS.device)
    logits_NV = decoding.first_logits_NV
    for place in range(max_length):
        tokens_N = index_of_largest(logits_NV).masked_fill(has_ended_N, pad_id)
        targets_BT[examples_N, place] = tokens_N
        has_ended_N = has_ended_N | (tokens_N == eos_id)
        num_running = int((~has_ended_N).sum())
        if num_running == 0:
            return targets_BT[:, : place + 1]
        if place + 1 == max_length or stopping():
            break
        if 2 * num_running <= len(examples_N):
            kept = (~has_ended_N).nonzero()[:, 0]
            decoding.select_examples(kept)
            tokens_N, examples_N, has_ended_N = tokens_N[kept], examples_N[kept], has_ended_N[kept]
        logits_NV = decoding.step(tokens_N)
    return targets_BT
