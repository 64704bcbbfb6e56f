"""Hugging Face's T5 with our weights, for benchmarks."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from model.architectures.config import ModelConfig
from model.checkpoints import hugging_face
from model.checkpoints.hugging_face_export import write_config


def hugging_face_peer(config: ModelConfig, weights: Mapping[str, Tensor]) -> Any:
    """A `transformers.T5ForConditionalGeneration` that computes the same as our model.

    It is loaded from a folder, because since version 5, only loading keeps the two embeddings of T5 1.1 separate.
    """
    import transformers

    with tempfile.TemporaryDirectory() as folder:
        save_hugging_face_peer(folder, config, weights)
        return transformers.T5ForConditionalGeneration.from_pretrained(folder)


def save_hugging_face_peer(folder: str, config: ModelConfig, weights: Mapping[str, Tensor]) -> None:
    """Write the model to a folder in Hugging Face's format, without a tokenizer."""
    write_config(folder, config)
    theirs = hugging_face.their_weights(config, weights)
    safetensors.torch.save_file(theirs, Path(folder, hugging_face.WEIGHTS_FILE), metadata={"format": "pt"})
