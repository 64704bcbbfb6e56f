"""Cross entropy over a vocabulary, in chunks of rows.

The float32 logits of a whole batch would be the largest tensor of training (128 x 114 x 32,128 x 4 bytes: 1.9 GB, and
as much again for their gradient). Here the logits of a chunk are freed as soon as its gradients are computed, which
happens in the forward pass: the loss is a sum, so the gradient of each chunk is known up to a factor that the backward
pass supplies.

Shapes: N rows (positions), D features, V ids.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from model.architectures.layers import compute_dtype
from model.architectures.linear import add_product, product

CHUNK_BYTES = {"cpu": 16 << 20, "cuda": 256 << 20}


class Loss(NamedTuple):
    """Sums over the target tokens of a batch, so that parts of a global batch can be added up before the division.

    loss_sum: cross entropy plus z-loss; only this has a gradient. z_loss_sum: the part of it that is z-loss.
    num_tokens: target tokens that are counted (int64). num_correct: those of them with the largest logit (int64).
    All are 0-dimensional tensors on the device.
    """

    loss_sum: Tensor
    z_loss_sum: Tensor
    num_tokens: Tensor
    num_correct: Tensor


def cross_entropy(
    hidden_ND: Tensor, head_VD: Tensor, targets_N: Tensor, counted_N: Tensor, *, z_loss: float = 0.0
) -> Loss:
    """Cross entropy of softmax(hidden head^T) against the targets, summed over the rows that are counted.

    z_loss: z_loss * log(Z)^2 is added per row, which keeps the logits from drifting (as in t5x's
    `cross_entropy_with_logits`, with 1e-4). Under autocast the matrix products are in its dtype; sums and softmax are
    in float32.
    """
    needs_gradient = torch.is_grad_enabled()
    return Loss(
        *_ChunkedCrossEntropy.apply(
            hidden_ND,
            head_VD,
            targets_N,
            counted_N,
            z_loss,
            compute_dtype(hidden_ND),
            needs_gradient and hidden_ND.requires_grad,
            needs_gradient and head_VD.requires_grad,
        )
    )


def chunk_rows(num_rows: int, vocabulary_size: int, device: str) -> int:
    """Rows per chunk: float32 logits stay within the device's `CHUNK_BYTES`, and chunks have about equal sizes."""
    num_chunks = -(-num_rows * vocabulary_size * 4 // CHUNK_BYTES.get(device, CHUNK_BYTES["cuda"]))
    return max(1, -(-num_rows // max(1, num_chunks)))


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: Tensor,
        head_VD: Tensor,
        targets_N: Tensor,
        counted_N: Tensor,
        z_loss: float,
        dtype: torch.dtype,
        needs_hidden: bool,
        needs_head: bool,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        device = hidden_ND.device
        head = head_VD.to(dtype)
        gradient_hidden = torch.empty_like(hidden_ND) if needs_hidden else None
        gradient_head = torch.zeros_like(head_VD, dtype=torch.float32) if needs_head else None
        loss_sum = torch.zeros((), dtype=torch.float32, device=device)
        z_loss_sum = torch.zeros_like(loss_sum)
        num_correct = torch.zeros((), dtype=torch.int64, device=device)
        rows = chunk_rows(hidden_ND.shape[0], head_VD.shape[0], device.type)
        for start in range(0, hidden_ND.shape[0], rows):
            chunk = slice(start, start + rows)
            hidden = hidden_ND[chunk].to(dtype)
            targets = targets_N[chunk, None]
            counted = counted_N[chunk]
            logits = product(hidden, head.T).float()
            largest = logits.amax(1)
            of_target = logits.gather(1, targets)[:, 0]
            exponentials = logits.sub_(largest[:, None]).exp_()
            total = exponentials.sum(1)
            log_z = largest + total.log()
            row_z_loss = z_loss * log_z.square() * counted
            z_loss_sum += row_z_loss.sum()
            loss_sum += ((log_z - of_target) * counted).sum()
            num_correct += ((of_target == largest) & counted).sum()
            if not (needs_hidden or needs_head):
                continue
            # The gradient of a row's loss by its logits: softmax * (1 + 2 z_loss log_z), minus 1 at the target.
            factor = (1 + 2 * z_loss * log_z) * counted / total
            gradient = exponentials.mul_(factor[:, None])
            gradient.scatter_add_(1, targets, -counted.to(gradient.dtype)[:, None])
            gradient = gradient.to(dtype)
            if gradient_hidden is not None:
                gradient_hidden[chunk] = product(gradient, head)
            if gradient_head is not None:
                add_product(gradient_head, gradient.T, hidden)
        ctx.save_for_backward(gradient_hidden, gradient_head)
        num_tokens = counted_N.sum()
        ctx.mark_non_differentiable(z_loss_sum, num_tokens, num_correct)
        return loss_sum + z_loss_sum, z_loss_sum, num_tokens, num_correct

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        gradient_hidden, gradient_head = ctx.saved_tensors
        for_hidden = None if gradient_hidden is None else gradient_hidden * upstream[0]
        for_head = None if gradient_head is None else gradient_head * upstream[0]
        return for_hidden, for_head, None, None, None, None, None, None
