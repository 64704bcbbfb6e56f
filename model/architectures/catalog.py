"""All architectures (paper, section 3.2 and Table 2), and the function that builds a model."""

import torch

from c4pipe.choices import choose
from model.architectures.config import ModelConfig
from model.architectures.decoder_only import DecoderLM, PrefixLM
from model.architectures.encoder_decoder import EncoderDecoder, HalfEncoderDecoder, SharedEncoderDecoder
from model.architectures.initialization import initialize
from model.architectures.t5 import T5Model

# Each name is also in `config.ARCHITECTURE_NAMES`, which `--help` shows.
ARCHITECTURES: dict[str, type[T5Model]] = {
    "encoder_decoder": EncoderDecoder,
    "encoder_decoder_shared": SharedEncoderDecoder,
    "encoder_decoder_half": HalfEncoderDecoder,
    "decoder_lm": DecoderLM,
    "prefix_lm": PrefixLM,
}


def build_model(config: ModelConfig, *, seed: int | None = 0, device: torch.device | str = "cpu") -> T5Model:
    """Build a model on a device, with initial values drawn by `seed`.

    seed: with None the parameters stay uninitialised, for a caller that loads weights next.
    device: on `meta` the model takes no memory; that is enough to count its parameters.
    Raises: UserError if the architecture is unknown.
    """
    architecture = choose("architecture", config.architecture, ARCHITECTURES)
    with torch.device("meta"):
        model = architecture(config)
    if torch.device(device).type == "meta":
        return model
    model.to_empty(device=device)
    if seed is not None:
        initialize(model, config, seed)
    return model
