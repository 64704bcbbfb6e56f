"""The settings that decide the shape of a model."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from c4pipe import checked_json
from c4pipe.choices import check_choice
from c4pipe.errors import UserError

# `--help` shows these names without importing torch. tests/test_startup.py compares them with `catalog.ARCHITECTURES`.
ARCHITECTURE_NAMES = (
    "encoder_decoder",
    "encoder_decoder_shared",
    "encoder_decoder_half",
    "decoder_lm",
    "prefix_lm",
)
FEED_FORWARDS = ("relu", "gated_gelu")
# Far above any T5. A config.json with larger numbers is damaged; its model would fill the memory or take hours.
_LARGEST = {
    "vocabulary_size": 1 << 24,
    "d_model": 1 << 17,
    "d_ff": 1 << 20,
    "d_kv": 1 << 14,
    "num_heads": 1 << 14,
    "num_layers": 1 << 12,
    "num_decoder_layers": 1 << 12,
    "adapter_size": 1 << 17,
    "num_buckets": 1 << 16,
    "max_distance": 1 << 24,
}


@dataclass(frozen=True)
class ModelConfig:
    """Sizes have the names of the paper and of Hugging Face.

    architecture: one of `ARCHITECTURE_NAMES`, which `catalog.ARCHITECTURES` builds.
    vocabulary_size: rows of the embedding (a vocabulary's `embedding_rows`); rows above the vocabulary are unused.
    num_layers: layers per stack; `encoder_decoder_half` builds half as many (the paper's 6+6 for 12+12).
    num_decoder_layers: set only if the decoder's depth differs from the encoder's (some Hugging Face folders).
    feed_forward: `relu` (v1.0) or `gated_gelu` (v1.1).
    tie_embeddings: one matrix for input and output, and logits scaled by d_model^-0.5 (v1.0); otherwise the output has
        its own matrix (v1.1).
    adapter_size: inner size of the adapter after every feed-forward (`layers.Adapter`); 0: no adapters.
    dropout_rate: applied when the model is called with dropout keys (see `dropout.py`).
    """

    architecture: str = "encoder_decoder"
    vocabulary_size: int = 32128
    d_model: int = 512
    d_ff: int = 2048
    d_kv: int = 64
    num_heads: int = 8
    num_layers: int = 6
    num_decoder_layers: int | None = None
    feed_forward: str = "relu"
    tie_embeddings: bool = True
    dropout_rate: float = 0.1
    num_buckets: int = 32
    max_distance: int = 128
    norm_epsilon: float = 1e-6
    pad_id: int = 0
    eos_id: int = 1
    adapter_size: int = 0

    def __post_init__(self) -> None:
        check_choice("feed-forward", self.feed_forward, FEED_FORWARDS)
        for name in ("vocabulary_size", "d_model", "d_ff", "d_kv", "num_heads", "num_layers"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}; it must be at least 1")
        for name, largest in _LARGEST.items():
            if (getattr(self, name) or 0) > largest:
                value = str(getattr(self, name))[:20]
                raise UserError(f"{name} is {value}; it must be at most {largest:,}")
        if self.num_decoder_layers is not None and self.num_decoder_layers < 1:
            raise UserError(f"num_decoder_layers is {self.num_decoder_layers}; it must be at least 1")
        if not 0 < self.norm_epsilon < 1:
            raise UserError(f"norm_epsilon is {self.norm_epsilon}; it must be in (0, 1)")
        for name in ("pad_id", "eos_id"):
            if not 0 <= getattr(self, name) < self.vocabulary_size:
                value = str(getattr(self, name))[:20]
                raise UserError(f"{name} is {value}; it must be one of the {self.vocabulary_size:,} ids")
        if self.adapter_size < 0:
            raise UserError(f"adapter_size is {self.adapter_size}; it must not be negative")
        if not 0 <= self.dropout_rate < 1:
            raise UserError(f"dropout_rate is {self.dropout_rate}; it must be in [0, 1)")
        if self.num_buckets < 4 or self.num_buckets % 4 or self.max_distance <= self.num_buckets // 2:
            raise UserError(
                f"num_buckets {self.num_buckets} and max_distance {self.max_distance} give no position buckets; "
                "num_buckets must be a multiple of 4, and max_distance more than half of it (the paper: 32 and 128)"
            )

    @property
    def d_attention(self) -> int:
        """Width of queries, keys and values over all heads."""
        return self.num_heads * self.d_kv

    @property
    def decoder_layers(self) -> int:
        return self.num_layers if self.num_decoder_layers is None else self.num_decoder_layers

    def with_(self, **changes: Any) -> "ModelConfig":
        """A copy with some fields changed."""
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """The config as `run.json` stores it."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "ModelConfig":
        """The inverse of `to_json`.

        Raises: UserError if a field is unknown (a run of a newer version), of the wrong type or out of range.
        """
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            name = sorted(unknown)[0][:80]
            raise UserError(f"the model setting {name!r} is unknown here; use the c4pipe that made the run")
        try:
            return checked_json.convert(dict(values), cls)
        except ValueError as error:
            raise UserError(f"the model settings are damaged ({error}); use another copy of the run") from error
