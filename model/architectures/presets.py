"""Model sizes by name: the paper's (v1.0), version 1.1, and tiny models for small machines.

`t5_v1_1_mini` is the smallest model that was seen to learn to fill gaps, in a minute or two of a CPU core
(docs/training.md, "What a small model on a CPU can learn").
"""

from c4pipe.choices import choose
from model.architectures.config import ModelConfig


def _v1_0(d_model: int, d_ff: int, d_kv: int, num_heads: int, num_layers: int) -> ModelConfig:
    return ModelConfig(d_model=d_model, d_ff=d_ff, d_kv=d_kv, num_heads=num_heads, num_layers=num_layers)


def _v1_1(d_model: int, d_ff: int, d_kv: int, num_heads: int, num_layers: int) -> ModelConfig:
    """Gated GELU and untied embeddings; no dropout in pre-training (fine-tuning turns it on)."""
    return ModelConfig(
        d_model=d_model,
        d_ff=d_ff,
        d_kv=d_kv,
        num_heads=num_heads,
        num_layers=num_layers,
        feed_forward="gated_gelu",
        tie_embeddings=False,
        dropout_rate=0.0,
    )


PRESETS: dict[str, ModelConfig] = {
    #                    d_model   d_ff d_kv heads layers per stack
    "t5_tiny": _v1_0(160, 640, 32, 5, 4),
    "t5_small": _v1_0(512, 2048, 64, 8, 6),
    "t5_base": _v1_0(768, 3072, 64, 12, 12),
    "t5_large": _v1_0(1024, 4096, 64, 16, 24),
    "t5_3b": _v1_0(1024, 16384, 128, 32, 24),
    "t5_11b": _v1_0(1024, 65536, 128, 128, 24),
    "t5_v1_1_mini": _v1_1(128, 256, 32, 4, 1),
    "t5_v1_1_tiny": _v1_1(160, 448, 32, 5, 4),
    "t5_v1_1_small": _v1_1(512, 1024, 64, 6, 8),
    "t5_v1_1_base": _v1_1(768, 2048, 64, 12, 12),
    "t5_v1_1_large": _v1_1(1024, 2816, 64, 16, 24),
    "t5_v1_1_xl": _v1_1(2048, 5120, 64, 32, 24),
    "t5_v1_1_xxl": _v1_1(4096, 10240, 64, 64, 24),
}

DEFAULT_PRESET = "t5_small"


def preset(name: str, *, architecture: str = "encoder_decoder", vocabulary_size: int = 32128) -> ModelConfig:
    """The config of a preset, for an architecture and a number of embedding rows.

    Raises: UserError if the name is unknown.
    """
    return choose("preset", name, PRESETS).with_(architecture=architecture, vocabulary_size=vocabulary_size)
