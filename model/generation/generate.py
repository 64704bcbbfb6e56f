"""Generating targets for many examples, in batches of similar length."""

from collections.abc import Sequence

import torch

from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.t5 import T5Model
from model.generation.beam_search import beam_search
from model.generation.defaults import DEFAULT_BATCH_SIZE, DEFAULT_MAX_LENGTH
from model.generation.greedy_search import greedy_search
from model.generation.sampling import Sampling, sample
from model.generation.watch import NOBODY, Watch


def generate_ids(
    model: T5Model,
    examples: Sequence[Sequence[int]],
    *,
    max_length: int = DEFAULT_MAX_LENGTH,
    num_beams: int = 1,
    length_penalty: float = 0.6,
    batch_size: int = DEFAULT_BATCH_SIZE,
    sampling: Sampling | None = None,
    watch: Watch = NOBODY,
) -> list[list[int]]:
    """The target ids of each example, without EOS and padding, in the order of the examples.

    If `watch` stops the work, the remaining examples have no ids.

    examples: input ids with EOS, of any lengths. They are sorted by length, so that batches have little padding.
    num_beams: 1 means greedy. sampling: tokens are drawn, with the index of an example as its number; needs 1 beam.
    """
    results: list[list[int]] = [[] for _ in examples]
    order = sorted(range(len(examples)), key=lambda index: len(examples[index]), reverse=True)
    device = model.embedding.weight.device
    for start in range(0, len(order), batch_size):
        if watch.stopping():
            break
        chosen = order[start : start + batch_size]
        longest = max(1, max(len(examples[index]) for index in chosen))
        inputs = torch.full((len(chosen), longest), model.config.pad_id, dtype=torch.int64)
        for row, index in enumerate(chosen):
            inputs[row, : len(examples[index])] = torch.as_tensor(list(examples[index]), dtype=torch.int64)
        inputs = inputs.to(device)
        if sampling is not None:
            numbers = torch.tensor(chosen, device=device)
            targets = sample(model, inputs, numbers, sampling, max_length=max_length, stopping=watch.stopping)
        elif num_beams == 1:
            targets = greedy_search(model, inputs, max_length=max_length, stopping=watch.stopping)
        else:
            targets = beam_search(
                model,
                inputs,
                max_length=max_length,
                num_beams=num_beams,
                length_penalty=length_penalty,
                stopping=watch.stopping,
            )
        for index, ids in zip(chosen, targets.tolist(), strict=True):
            results[index] = [token for token in ids if token not in (model.config.pad_id, model.config.eos_id)]
        watch.advance(len(chosen))
    return results


def generate_text(
    model: T5Model, vocabulary: Vocabulary, texts: Sequence[str], *, inputs_length: int = 512, **settings
) -> list[str]:
    """Generate a text for each text; `<extra_id_0>` is the sentinel. Inputs are cut after `inputs_length` tokens."""
    examples = [ids[: inputs_length - 1] + [vocabulary.eos_id] for ids in vocabulary.encode_prompts(texts)]
    return [vocabulary.decode(ids) for ids in generate_ids(model, examples, **settings)]
