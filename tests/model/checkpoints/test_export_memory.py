"""An export in several files has the weights of one file in memory at a time."""

import weakref
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from model.architectures.catalog import build_model
from model.architectures.presets import preset
from model.checkpoints import hugging_face_export


class ReadOnDemand(Mapping[str, Tensor]):
    """Weights that are made when they are read, and how many of those that were read before still exist."""

    def __init__(self, shapes: dict[str, torch.Size]) -> None:
        self.shapes = shapes
        self.read: list[weakref.ref[np.ndarray]] = []
        self.most = 0

    def __getitem__(self, name: str) -> Tensor:
        # Every tensor of this memory keeps the array alive, also those that are views.
        array = np.ones(self.shapes[name], np.float32)
        self.read.append(weakref.ref(array))
        self.most = max(self.most, sum(reference() is not None for reference in self.read))
        return torch.from_numpy(array)

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


def test_no_weight_of_a_file_is_left_when_the_next_is_read(tmp_path, monkeypatch):
    config = preset("t5_v1_1_tiny", vocabulary_size=256)
    model = build_model(config, device="meta")
    weights = ReadOnDemand({name: parameter.shape for name, parameter in model.named_parameters()})
    monkeypatch.setattr(hugging_face_export, "MAX_SHARD_BYTES", 4_000_000)
    sizes = [len(names) for names in hugging_face_export._shards(weights)]
    assert len(sizes) > 3
    hugging_face_export._write_weights(str(tmp_path), config, weights)
    assert weights.most == max(sizes)
