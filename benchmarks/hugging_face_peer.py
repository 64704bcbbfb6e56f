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
    """`transformers.T5ForConditionalGeneration` that computes what our model does.

    By way of a folder: from version 5 on, only loading one leaves the two embeddings of T5 1.1 apart.
    """
    import transformers

    with tempfile.TemporaryDirectory() as folder:
        write_config(folder, config)
        theirs = hugging_face.their_weights(config, weights)
        safetensors.torch.save_file(theirs, Path(folder, hugging_face.WEIGHTS_FILE), metadata={"format": "pt"})
        return transformers.T5ForConditionalGeneration.from_pretrained(folder)
