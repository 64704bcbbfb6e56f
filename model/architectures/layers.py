"""The parts of a layer other than attention.

Shapes: B examples, S positions, D features of the model, F of the feed-forward.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.architectures import dropout
from model.architectures.config import ModelConfig
from model.architectures.linear import Linear


def compute_dtype(x: Tensor) -> torch.dtype:
    """The dtype of matrix products on x: autocast's if it is on, else x's own."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


def residual(x: Tensor) -> Tensor:
    """x as the start of the residual stream: under autocast this is float32, also if the embedding is in bf16."""
    return x.float() if torch.is_autocast_enabled(x.device.type) else x


class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + eps) * weight: no mean subtracted, no bias (paper, section 2.1); statistics in float32.

    The result has the dtype of the next matrix products, so that it is cast once and not once per product.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.epsilon = config.norm_epsilon
        self.weight = nn.Parameter(torch.empty(config.d_model))

    def forward(self, x_BSD: Tensor) -> Tensor:
        x = x_BSD.float()
        normed = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return (normed * self.weight).to(compute_dtype(x_BSD))


class FeedForward(nn.Module):
    """v1.0: wo(relu(wi(x))).

    num_matrices: how many matrices of d_model x d_ff there are. num_kept: how many tensors of F features are kept for
    the backward pass.
    """

    num_matrices = 2
    num_kept = 1

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dropout_rate = config.dropout_rate
        self.wi = Linear(config.d_model, config.d_ff)
        self.wo = Linear(config.d_ff, config.d_model)

    def forward(self, x_BSD: Tensor, keys_B: Tensor | None = None, examples_N: Tensor | None = None) -> Tensor:
        hidden_BSF = functional.relu(self.wi(x_BSD))
        return self.wo(dropout.drop(hidden_BSF, keys_B, 0, self.dropout_rate, examples_N))


class GatedFeedForward(nn.Module):
    """v1.1: wo(gelu(wi_0(x)) * wi_1(x)), with the tanh approximation of GELU (Shazeer 2020, "GLU variants")."""

    num_matrices = 3
    num_kept = 4

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dropout_rate = config.dropout_rate
        self.wi_0 = Linear(config.d_model, config.d_ff)
        self.wi_1 = Linear(config.d_model, config.d_ff)
        self.wo = Linear(config.d_ff, config.d_model)

    def forward(self, x_BSD: Tensor, keys_B: Tensor | None = None, examples_N: Tensor | None = None) -> Tensor:
        hidden_BSF = functional.gelu(self.wi_0(x_BSD), approximate="tanh") * self.wi_1(x_BSD)
        return self.wo(dropout.drop(hidden_BSF, keys_B, 0, self.dropout_rate, examples_N))


class Adapter(nn.Module):
    """The layer that fine-tuning by adapters adds after a feed-forward: x + up(relu(down(x))) (paper, section 3.5.1).

    `up` begins at zero, so that a model with new adapters computes the same as without them.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.down = Linear(config.d_model, config.adapter_size)
        self.up = Linear(config.adapter_size, config.d_model)

    def forward(self, x_BSD: Tensor) -> Tensor:
        return x_BSD + self.up(functional.relu(self.down(x_BSD)))


FEED_FORWARDS: dict[str, type[FeedForward] | type[GatedFeedForward]] = {
    "relu": FeedForward,
    "gated_gelu": GatedFeedForward,
}
