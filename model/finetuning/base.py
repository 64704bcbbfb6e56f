"""The model that fine-tuning starts from: the weights of a checkpoint in the shape that the method needs."""

from typing import NamedTuple

import torch

from c4pipe.errors import UserError
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.architectures.t5 import T5Model
from model.checkpoints.loading import Checkpoint, load_checkpoint
from model.checkpoints.opening import check_vocabulary, local, num_extra_ids


class Base(NamedTuple):
    """A checkpoint with its vocabulary."""

    checkpoint: Checkpoint
    vocabulary: Vocabulary


def open_base(name: str) -> Base:
    """Open `RUN[@best|@last|@STEP]`, a Hugging Face folder, or a model of the Hugging Face hub.

    Raises: UserError if it is missing or damaged, or if its vocabulary does not fit.
    """
    name = local(name)
    checkpoint = load_checkpoint(name)
    vocabulary = Vocabulary.load(checkpoint.vocabulary_folder, num_extra_ids(name))
    check_vocabulary(checkpoint.config, vocabulary)
    return Base(checkpoint, vocabulary)


def start_model(
    base: Checkpoint, config: ModelConfig, *, seed: int, device: torch.device, from_scratch: bool = False
) -> T5Model:
    """A model of `config` with the base's weights. Parameters that the base does not have are drawn by `seed`.

    from_scratch: do not use the base's weights, for comparison with a model that was not pre-trained.
    Raises: UserError if the base has weights that do not belong to the config.
    """
    model = build_model(config, seed=seed, device=device)
    if from_scratch:
        return model
    missing, unexpected = model.load_state_dict(base.state_dict, strict=False)
    odd = [name for name in missing if ".adapter." not in name] + list(unexpected)
    if odd:
        raise UserError(f"the checkpoint does not fit its own config ({', '.join(odd[:3])}); make it again")
    return model
