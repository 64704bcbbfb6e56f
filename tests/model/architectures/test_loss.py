"""The chunked loss against the plain formula."""

import pytest
import torch

from model.architectures import loss


@pytest.fixture
def small_chunks(monkeypatch):
    """Seven rows a chunk at 50 ids, so that the last of 40 rows' chunks is short."""
    monkeypatch.setattr(loss, "CHUNK_BYTES", {"cpu": 50 * 4 * 7, "cuda": 50 * 4 * 7})


@pytest.mark.parametrize("z_loss", [0.0, 1e-2])
def test_sums_and_gradients(small_chunks, z_loss):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(40, 8, generator=generator, requires_grad=True)
    head = torch.randn(50, 8, generator=generator, requires_grad=True)
    targets = torch.randint(0, 50, (40,), generator=generator)
    counted = torch.rand(40, generator=generator) < 0.7
    assert loss.chunk_rows(40, 50, "cpu") < 40
    found = loss.cross_entropy(hidden, head, targets, counted, z_loss=z_loss)
    logits = hidden @ head.T
    rows = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    z = z_loss * logits.logsumexp(1) ** 2
    expected = ((rows + z) * counted).sum()
    torch.testing.assert_close(found.loss_sum, expected)
    torch.testing.assert_close(found.z_loss_sum, (z * counted).sum().detach())
    assert found.num_tokens == counted.sum()
    assert found.num_correct == ((logits.argmax(1) == targets) & counted).sum()
    ours = torch.autograd.grad(found.loss_sum / found.num_tokens, [hidden, head])
    right = torch.autograd.grad(expected / counted.sum(), [hidden, head])
    for a, b in zip(ours, right, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


def test_a_frozen_head_gets_no_gradient(small_chunks):
    hidden, head = torch.randn(9, 4, requires_grad=True), torch.randn(50, 4)
    result = loss.cross_entropy(hidden, head, torch.arange(9), torch.ones(9, dtype=torch.bool))
    result.loss_sum.backward()
    assert hidden.grad is not None and head.grad is None


def test_huge_logits_stay_finite():
    hidden = torch.full((2, 4), 100.0, requires_grad=True)
    head = torch.full((50, 4), 100.0)
    head[3] = -100.0
    result = loss.cross_entropy(hidden, head, torch.tensor([3, 4]), torch.ones(2, dtype=torch.bool))
    result.loss_sum.backward()
    assert torch.isfinite(result.loss_sum) and torch.isfinite(hidden.grad).all()


def test_no_tensor_of_all_logits_is_made():
    rows, ids = 4096, 2000

    class Largest(torch.utils._python_dispatch.TorchDispatchMode):
        numel = 0

        def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
            result = function(*arguments, **(keywords or {}))
            if isinstance(result, torch.Tensor):
                self.numel = max(self.numel, result.numel())
            return result

    hidden, head = torch.randn(rows, 4, requires_grad=True), torch.randn(ids, 4, requires_grad=True)
    with Largest() as largest:
        loss.cross_entropy(
            hidden, head, torch.zeros(rows, dtype=torch.int64), torch.ones(rows, dtype=torch.bool)
        ).loss_sum.backward()
    assert largest.numel * 4 <= loss.CHUNK_BYTES["cpu"] < rows * ids * 4
