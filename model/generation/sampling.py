"""Sampling: each token is drawn from the model's distribution, or from the likely part of it.

What is drawn for a text depends only on the seed, the number of the text and the model, not on the other texts of its
batch: the random number of a token is a hash of (seed, number of the text, place).

Shapes: N texts that are still computed, T targets, V rows of the embedding.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from model.architectures.dropout import example_keys, uniform
from model.architectures.t5 import T5Model


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn.

    temperature: logits are divided by it; below 1, likely tokens become likelier. top_k: only so many of the likeliest
    tokens can be drawn; 0: all. top_p: only the fewest likeliest tokens whose probabilities sum up to at least top_p
    can be drawn (nucleus sampling, Holtzman et al. 2020). The order is that of `transformers`: temperature, top_k,
    top_p.
    """

    seed: int = 0
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0


def draw(logits_NV: Tensor, uniform_N: Tensor, sampling: Sampling) -> Tensor:
    """(N,) int64: a token per row, by inverting the cumulative distribution at a number in [0, 1).

    >>> logits = torch.log(torch.tensor([[0.5, 0.2, 0.3]]))
    >>> [int(draw(logits, torch.tensor([u]), Sampling())) for u in (0.1, 0.6, 0.9)]
    [0, 2, 1]
    """
    scaled_NV = logits_NV.double() / sampling.temperature
    if 0 < sampling.top_k < scaled_NV.shape[1]:
        scores_NC, tokens_NC = scaled_NV.topk(sampling.top_k, 1)
    else:
        scores_NC, tokens_NC = scaled_NV.sort(dim=1, descending=True, stable=True)
    reached_NC = torch.softmax(scores_NC, 1).cumsum(1)
    # A token is in the nucleus if those before it do not reach top_p; the likeliest always is.
    size_N1 = (reached_NC < sampling.top_p).sum(1, keepdim=True).clamp(max=reached_NC.shape[1] - 1)
    wanted_N1 = uniform_N[:, None].double() * reached_NC.gather(1, size_N1)
    place_N1 = torch.minimum(torch.searchsorted(reached_NC, wanted_N1, right=True), size_N1)
    return tokens_NC.gather(1, place_N1)[:, 0]


@torch.inference_mode()
def sample(
    model: T5Model,
    inputs_BS: Tensor,
    numbers_B: Tensor,
    sampling: Sampling,
    *,
    max_length: int,
    stopping: Callable[[], bool] = lambda: False,
) -> Tensor:
    """(B, T) int64: the drawn tokens of each text including EOS, then padding; T <= max_length.

    numbers_B: the number of each text, by which its random numbers are keyed.
    stopping: called at each token; if it returns True, decoding ends early.
    """
    pad_id, eos_id = model.config.pad_id, model.config.eos_id
    decoding = model.start_decoding(inputs_BS, max_length)
    targets_BT = inputs_BS.new_full((inputs_BS.shape[0], max_length), pad_id, dtype=torch.int64)
    texts_N = torch.arange(inputs_BS.shape[0], device=inputs_BS.device)
    logits_NV = decoding.first_logits_NV
    for place in range(max_length):
        uniform_N = uniform(example_keys(sampling.seed, place, numbers_B[texts_N]))
        tokens_N = draw(logits_NV, uniform_N, sampling)
        targets_BT[texts_N, place] = tokens_N
        is_running_N = tokens_N != eos_id
        if not bool(is_running_N.any()):
            return targets_BT[:, : place + 1]
        if place + 1 == max_length or stopping():
            break
        if not bool(is_running_N.all()):
            kept = is_running_N.nonzero()[:, 0]
            decoding.select_examples(kept)
            tokens_N, texts_N = tokens_N[kept], texts_N[kept]
        logits_NV = decoding.step(tokens_N)
    return targets_BT
