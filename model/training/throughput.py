"""How much of the hardware's peak a run uses."""

import torch

from model.architectures.catalog import ARCHITECTURES
from model.architectures.config import ModelConfig
from model.architectures.decoder_only import DecoderLM
from model.architectures.encoder_decoder import HalfEncoderDecoder

# Dense bf16 tensor-core peaks by the vendors' data sheets, in TFLOP/s, looked up by a part of the device's name.
PEAK_BF16_TFLOPS = {
    "H200": 989.0,
    "H100 PCIe": 756.0,
    "H100": 989.0,
    "H800": 989.0,
    "B200": 2250.0,
    "A100": 312.0,
    "A800": 312.0,
    "L40S": 362.0,
    "L4": 121.0,
    "A10G": 70.0,
    "RTX 4090": 165.0,
    "RTX 3090": 71.0,
}


def peak_flops(device: torch.device) -> float | None:
    """A device's bf16 peak in FLOP/s; None where it is not known (a CPU, another card)."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((tflops * 1e12 for part, tflops in PEAK_BF16_TFLOPS.items() if part in name), None)


def flops_of_example(config: ModelConfig, inputs_length: int, targets_length: int) -> float:
    """Floating point operations of one example, forward and backward (three times the forward pass).

    A multiplication by a matrix of n elements counts 2n a token that passes it; attention counts 4 x queries x keys x
    width a layer (scores and averages), without a discount for the causal half. Norms, softmax, embedding lookups and
    what activation checkpointing computes again are not counted.

        forward = 2 S (enc) + 2 T (dec) + 2 S (cross keys and values) + 2 T (head) + 4 w (L_e S^2 + L_d (T^2 + S T))

    With T5-base v1.1 at 512/114 that is 425 GFLOP:

    >>> base = ModelConfig(d_model=768, d_ff=2048, d_kv=64, num_heads=12, num_layers=12, feed_forward="gated_gelu")
    >>> round(flops_of_example(base, 512, 114) / 1e9)
    426
    """
    attention = 4 * config.d_model * config.d_attention
    matrices = 3 if config.feed_forward == "gated_gelu" else 2
    feed_forward = matrices * config.d_model * config.d_ff
    width = config.d_attention
    kind = ARCHITECTURES[config.architecture]
    halved = issubclass(kind, HalfEncoderDecoder)
    encoder_layers = max(1, config.num_layers // 2) if halved else config.num_layers
    decoder_layers = encoder_layers if halved else config.decoder_layers
    head = 2 * targets_length * config.d_model * config.vocabulary_size
    if issubclass(kind, DecoderLM):
        length = inputs_length + targets_length
        layer = 2 * length * (attention + feed_forward) + 4 * width * length**2
        return 3.0 * (config.num_layers * layer + head)
    encoder_layer = 2 * inputs_length * (attention + feed_forward) + 4 * width * inputs_length**2
    decoder_layer = (
        2 * targets_length * (attention + attention // 2 + feed_forward)
        + 2 * inputs_length * (attention // 2)
        + 4 * width * (targets_length**2 + inputs_length * targets_length)
    )
    return 3.0 * (encoder_layers * encoder_layer + decoder_layers * decoder_layer + head)
