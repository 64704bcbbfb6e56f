"""Hugging Face T5 folders: reading those of any version of transformers, and writing folders that it loads.

| c4pipe                                    | Hugging Face (block N; [sub-layer number in the decoder])          |
|-------------------------------------------|--------------------------------------------------------------------|
| embedding.weight                          | shared.weight (also {stack}.embed_tokens.weight)                   |
| head.weight                               | lm_head.weight (tied: absent, or a copy of shared.weight)          |
| {stack}.position_bias.weight              | {stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight |
| {stack}.layers.N.self_attention_norm      | {stack}.block.N.layer.0.layer_norm                                 |
| {stack}.layers.N.self_attention.query     | {stack}.block.N.layer.0.SelfAttention.q (key k, value v, output o) |
| {stack}.layers.N.cross_attention_norm     | {stack}.block.N.layer.1.layer_norm                                 |
| {stack}.layers.N.cross_attention.query    | {stack}.block.N.layer.1.EncDecAttention.q (k, v, o)                |
| {stack}.layers.N.feed_forward_norm        | {stack}.block.N.layer.1 [2].layer_norm                             |
| {stack}.layers.N.feed_forward.wi (wi_0 ..)| {stack}.block.N.layer.1 [2].DenseReluDense.wi (wi_0, wi_1, wo)     |
| {stack}.final_norm                        | {stack}.final_layer_norm                                           |

Two facts, whether input and output share a matrix and whether logits are scaled by d_model^-0.5, are a single setting
in c4pipe and in transformers 4: `tie_word_embeddings`. Version 5 always writes true there. The cases are:

| saved by transformers 5      | `scale_decoder_outputs` | lm_head.weight    | c4pipe                         |
|------------------------------|-------------------------|-------------------|--------------------------------|
| T5 1.0                       | true                    | absent            | tied                           |
| T5 1.1, loaded and saved     | false                   | present           | its own head                   |
| T5 1.1, newly built          | false                   | absent            | its own head, a copy           |
| T5 1.1, loaded, by 5.0       | true                    | present           | not supported: `_check_tied`   |
| mT5, loaded (newly built)    | unnamed, never scaled   | present (absent)  | its own head (a copy)          |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from c4pipe import checked_json
from c4pipe.checked_json import FileName
from c4pipe.errors import UserError
from c4pipe.shards import json_files
from model.architectures.catalog import ARCHITECTURES, build_model
from model.architectures.config import ModelConfig

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = f"{WEIGHTS_FILE}.index.json"
GENERATION_FILE = "generation_config.json"
_BIN_FILE = "pytorch_model.bin"
_MATRICES = {"query": "q", "key": "k", "value": "v", "output": "o"}
# Folders without shared.weight have the matrix under one of these names (MADLAD's under the decoder's).
_SAME_AS_SHARED = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
_FEED_FORWARDS = {"relu": "relu", "gated_gelu": "gated-gelu"}
# The values that transformers assumes for settings that are missing in older config.json files.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "t5": {"feed_forward_proj": "relu", "tie_word_embeddings": True},
    "mt5": {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
}


# `ModelConfig` checks the ranges of the sizes.
@dataclass(frozen=True)
class _ConfigFile:
    """The fields of a `config.json` that are read, with their types. Other fields may be anything."""

    feed_forward_proj: str
    tie_word_embeddings: bool
    vocab_size: int = 1
    d_model: int = 1
    d_ff: int = 1
    d_kv: int = 1
    num_heads: int = 1
    num_layers: int = 1
    num_decoder_layers: int | None = None
    decoder_start_token_id: int | None = None
    pad_token_id: int = 0
    eos_token_id: int = 1
    dropout_rate: float = 0.0
    layer_norm_epsilon: float = 1e-6
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128
    scale_decoder_outputs: bool = True


@dataclass(frozen=True)
class _WeightIndex:
    weight_map: Mapping[str, FileName]


@dataclass(frozen=True)
class Loaded:
    """The model of a folder: config, float32 weights under c4pipe's names, and the folder, which has the vocabulary."""

    config: ModelConfig
    weights: dict[str, Tensor]
    folder: str


def is_folder(folder: str) -> bool:
    """Whether this looks like a Hugging Face model folder (a `config.json` and no `run.json`)."""
    path = Path(folder)
    return (path / CONFIG_FILE).is_file() and not (path / "run.json").exists()


def load(folder: str) -> Loaded:
    """Read a folder: `config.json`, and `model.safetensors` or `pytorch_model.bin` as one file or in shards.

    Code in the folder is never run.
    Raises: UserError if something is missing, unknown or has another shape.
    """
    values = _read_values(folder)
    config = _config_of(folder, values)
    theirs = _with_shared(folder, _read_weights(Path(folder)))
    _check_size(folder, config, theirs)
    head_is_shared = values["tie_word_embeddings"] and "lm_head.weight" not in theirs and "shared.weight" in theirs
    if head_is_shared and not config.tie_embeddings:
        # transformers ties the matrices, and safetensors stores a tensor under one name only.
        theirs["lm_head.weight"] = theirs["shared.weight"].clone()
    expected = {name: parameter.shape for name, parameter in build_model(config, device="meta").named_parameters()}
    weights: dict[str, Tensor] = {}
    for ours, shape in expected.items():
        name = their_name(ours, config)
        if name not in theirs:
            raise UserError(f"{folder} lacks the weight {name}; is it a complete T5 checkpoint? fetch it again")
        tensor = theirs[name]
        if tensor.shape != shape:
            raise UserError(
                f"{name} in {folder} is {tuple(tensor.shape)}, its config.json says {tuple(shape)}; fetch both again"
            )
        weights[ours] = tensor.to(torch.float32).contiguous()
    _check_tied(folder, values, config, theirs)
    return Loaded(config, weights, folder)


def _with_shared(folder: str, theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Add `shared.weight`, which some folders have only under the name of a stack.

    Raises: UserError if encoder and decoder have different matrices.
    """
    found = [theirs[name] for name in _SAME_AS_SHARED if name in theirs]
    if "shared.weight" in theirs or not found:
        return theirs
    if not all(torch.equal(found[0], other) for other in found[1:]):
        raise UserError(f"{folder} has different embeddings in encoder and decoder; T5 has one for both")
    return {**theirs, "shared.weight": found[0]}


def _config_of(folder: str, values: Mapping[str, Any]) -> ModelConfig:
    """The config that the settings of `config.json` describe.

    Raises: UserError if it is not a T5, or a kind of T5 that is not supported.
    """
    path = Path(folder) / CONFIG_FILE
    by_name = {theirs: ours for ours, theirs in _FEED_FORWARDS.items()}
    projection = values["feed_forward_proj"]
    if projection not in by_name:
        raise UserError(f"{path} has the feed-forward {projection!r}; only {', '.join(by_name)} are supported")
    try:
        config = ModelConfig(
            vocabulary_size=values["vocab_size"],
            d_model=values["d_model"],
            d_ff=values["d_ff"],
            d_kv=values["d_kv"],
            num_heads=values["num_heads"],
            num_layers=values["num_layers"],
            num_decoder_layers=_unless_equal(values.get("num_decoder_layers"), values["num_layers"]),
            feed_forward=by_name[projection],
            tie_embeddings=_scales_logits(values),
            dropout_rate=values.get("dropout_rate", 0.1),
            num_buckets=values.get("relative_attention_num_buckets", 32),
            max_distance=values.get("relative_attention_max_distance", 128),
            norm_epsilon=values.get("layer_norm_epsilon", 1e-6),
            pad_id=values.get("pad_token_id", 0),
            eos_id=values.get("eos_token_id", 1),
        )
    except KeyError as error:
        raise UserError(f"{path} does not name {error}; is it a complete T5 config? fetch it again") from error
    start = values.get("decoder_start_token_id")
    if start not in (None, config.pad_id):
        raise UserError(
            f"{path}: decoding begins with id {start} and the pad id is {config.pad_id}, as in MADLAD-400; only models "
            "whose decoding begins with the pad id, as in T5, are supported"
        )
    return config


def check_exportable(config: ModelConfig) -> None:
    """Raises: UserError if Hugging Face has no such architecture."""
    if config.adapter_size:
        raise UserError(
            "a model with adapters cannot be exported: Hugging Face's T5 has no adapters, and because of their ReLU "
            "they cannot be merged into its matrices (model.generate and model.evaluate read the run itself)"
        )
    if not ARCHITECTURES[config.architecture].is_t5:
        exportable = " and ".join(name for name, architecture in ARCHITECTURES.items() if architecture.is_t5)
        raise UserError(
            f"Hugging Face's T5 has no {config.architecture}; only {exportable} can be exported "
            "(model.generate and model.evaluate read the run itself)"
        )


def config_json(config: ModelConfig) -> dict[str, Any]:
    """The content of `config.json` for a model.

    Raises: UserError if Hugging Face has no such architecture.
    """
    check_exportable(config)
    # The architecture decides what the config's numbers mean, so the layers are counted in the built model.
    encoder, decoder = build_model(config, device="meta").passes(1, 1)
    return {
        "architectures": ["T5ForConditionalGeneration"],
        "d_ff": config.d_ff,
        "d_kv": config.d_kv,
        "d_model": config.d_model,
        "decoder_start_token_id": config.pad_id,
        "dropout_rate": config.dropout_rate,
        "eos_token_id": config.eos_id,
        "feed_forward_proj": _FEED_FORWARDS[config.feed_forward],
        "initializer_factor": 1.0,
        "is_encoder_decoder": True,
        "layer_norm_epsilon": config.norm_epsilon,
        "model_type": "t5",
        "num_decoder_layers": decoder.num_layers,
        "num_heads": config.num_heads,
        "num_layers": encoder.num_layers,
        "pad_token_id": config.pad_id,
        "relative_attention_max_distance": config.max_distance,
        "relative_attention_num_buckets": config.num_buckets,
        # Version 4 does not know this setting. If it is missing, version 5 derives it from `tie_word_embeddings` (5.0
        # does so wrongly).
        "scale_decoder_outputs": config.tie_embeddings,
        "tie_word_embeddings": config.tie_embeddings,
        "torch_dtype": "float32",
        "use_cache": True,
        "vocab_size": config.vocabulary_size,
    }


def their_weights(config: ModelConfig, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights under Hugging Face's names, as `model.safetensors` stores them (a tied head is stored once)."""
    check_exportable(config)
    return {their_name(name, config): tensor.detach().cpu().contiguous() for name, tensor in weights.items()}


def their_name(name: str, config: ModelConfig) -> str:
    """Hugging Face's name of a parameter.

    >>> their_name("decoder.layers.3.feed_forward.wi.weight", ModelConfig())
    'decoder.block.3.layer.2.DenseReluDense.wi.weight'
    """
    if name in ("embedding.weight", "head.weight"):
        return {"embedding.weight": "shared.weight", "head.weight": "lm_head.weight"}[name]
    stack, *rest = name.split(".")
    if rest[0] == "position_bias":
        return f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    if rest[0] == "final_norm":
        return f"{stack}.final_layer_norm.weight"
    _, number, part, *inner = rest
    feed_forward = 2 if stack == "decoder" else 1
    if part.endswith("_norm"):
        place = {"self_attention_norm": 0, "cross_attention_norm": 1, "feed_forward_norm": feed_forward}.get(part)
        return f"{stack}.block.{number}.layer.{place}.layer_norm.weight"
    place, kind = {
        "self_attention": (0, "SelfAttention"),
        "cross_attention": (1, "EncDecAttention"),
        "feed_forward": (feed_forward, "DenseReluDense"),
    }[part]
    if len(inner) != 2:
        raise UserError(f"Hugging Face's T5 has no place for {name}; merge or remove what was added to the model")
    return f"{stack}.block.{number}.layer.{place}.{kind}.{_MATRICES.get(inner[0], inner[0])}.weight"


def _unless_equal(value: int | None, other: int) -> int | None:
    return None if value == other else value


def _read_values(folder: str) -> dict[str, Any]:
    """The settings of `config.json`, with transformers' defaults for missing ones."""
    path = Path(folder) / CONFIG_FILE
    try:
        values = checked_json.parse_any(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{folder} has no {CONFIG_FILE}; give a Hugging Face T5 folder") from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({error}); fetch it again") from error
    kind = values.get("model_type") if isinstance(values, dict) else None
    if not isinstance(kind, str) or kind not in _DEFAULTS:
        raise UserError(f"{path} is of model_type {str(kind)[:80]!r}; only t5 and mt5 can be read")
    values = {**_DEFAULTS[kind], **values}
    try:
        checked_json.convert(values, _ConfigFile, may_hold_more=True)
    except ValueError as error:
        raise UserError(f"{path} is not a config of a T5 ({error}); fetch it again") from error
    return values


def _scales_logits(values: Mapping[str, Any]) -> bool:
    """Whether the version that wrote a `config.json` scales the logits. Version 4 scales them if they are tied."""
    major = str(values.get("transformers_version")).partition(".")[0]
    if values["model_type"] == "mt5" and major.isdecimal() and int(major) >= 5:
        return False
    return values.get("scale_decoder_outputs", values["tie_word_embeddings"])


def _check_tied(folder: str, values: Mapping[str, Any], config: ModelConfig, theirs: Mapping[str, Tensor]) -> None:
    """Refuse a config that ties the embeddings if the weights are not tied: the outputs would be wrong."""
    head, shared = theirs.get("lm_head.weight"), theirs.get("shared.weight")
    if not config.tie_embeddings or head is None or shared is None or torch.equal(head, shared):
        return
    if "scale_decoder_outputs" in values:
        raise UserError(
            f'{folder}: config.json says "scale_decoder_outputs": true, which needs one matrix for input and output, '
            "but the weights have two (transformers 5.0 writes this for every T5 1.1); set it to false, and if the "
            "model was trained with scaled outputs, multiply lm_head.weight by d_model**-0.5"
        )
    raise UserError(
        f"{folder}: config.json ties input and output embeddings, but the weights have two different matrices; "
        'set "tie_word_embeddings": false in config.json if the model has its own output matrix'
    )


def _check_size(folder: str, config: ModelConfig, theirs: Mapping[str, Tensor]) -> None:
    """Refuse a config with more layers than there are weights, before the model is built, which may take hours."""
    num_layers = config.num_layers + config.decoder_layers
    if num_layers > len(theirs):
        raise UserError(
            f"{folder} has {len(theirs)} weights, its config.json says {num_layers} layers; fetch both again"
        )


def _read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder, from the first of the known files that exists."""
    for name, read in ((WEIGHTS_FILE, _read_safetensors), (_BIN_FILE, _read_bin)):
        index = folder / f"{name}.index.json"
        if (folder / name).is_file():
            return read(folder / name)
        if index.is_file():
            weights: dict[str, Tensor] = {}
            described = json_files.read(str(index), _WeightIndex, "fetch it again", may_hold_more=True)
            for shard in sorted(set(described.weight_map.values())):
                if not (folder / shard).is_file():
                    raise UserError(f"{index} names {shard}, which is missing; fetch the folder again")
                weights.update(read(folder / shard))
            return weights
    raise UserError(f"{folder} has neither {WEIGHTS_FILE} nor {_BIN_FILE}; fetch a PyTorch checkpoint of the model")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path} is damaged ({error}); fetch it again") from error


def _read_bin(path: Path) -> dict[str, Tensor]:
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # its type depends on where a cut file ends
        try:  # files of PyTorch before 1.6 are not zip archives and cannot be mapped
            weights = torch.load(path, map_location="cpu", weights_only=True)
        except Exception:
            raise UserError(f"{path} cannot be read as weights ({error}); fetch it again") from error
    if not isinstance(weights, dict) or not all(isinstance(tensor, Tensor) for tensor in weights.values()):
        raise UserError(f"{path} holds something other than weights by name; fetch the model's own file")
    return weights
