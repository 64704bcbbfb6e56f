"""The model that fine-tuning starts from: the weights of a checkpoint in the shape that the method needs."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor

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
    base: Checkpoint,
    config: ModelConfig,
    place: Callable[[Mapping[str, Tensor]], T5Model],
    *,
    from_scratch: bool = False,
) -> T5Model:
    """A model of `config` with the base's weights.

    place: makes the model; it draws parameters for which it gets no weights. from_scratch: do not use the base's
    weights, for comparison with a model that was not pre-trained.
    Raises: UserError if the base has weights that do not belong to the config.
    """
    if from_scratch:
        return place({})
    expected = {name for name, _ in build_model(config, device="meta").named_parameters()}
    odd = [name for name in expected - base.state_dict.keys() if ".adapter." not in name]
    odd += base.state_dict.keys() - expected
    if odd:
        raise UserError(f"the checkpoint does not fit its own config ({', '.join(sorted(odd)[:3])}); make it again")
    return place(base.state_dict)
