"""A digest that identifies a model's weights, independently of the file that contains them."""

import hashlib
from collections.abc import Mapping

import numpy as np
from torch import Tensor


def weights_digest(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, shapes, dtypes and float32 values, ordered by name."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(np.ascontiguousarray(tensor.float().numpy()).data)
    return digest.hexdigest()
