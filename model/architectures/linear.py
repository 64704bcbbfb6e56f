"""Matrix products with weights, by the fastest library that gives correct results.

On x86, PyTorch multiplies float32 matrices with MKL, which is tuned for the processors of one vendor. PyTorch also
contains oneDNN, which it uses for bfloat16. On other processors oneDNN is twice as fast (390 instead of 190 GFLOP/s on
two cores of an AMD EPYC with AVX-512), and elsewhere it is not slower. PyTorch has no setting that selects oneDNN for
float32, but it has an operator.

Before its product, oneDNN brings the weights into a layout of blocks. For the few rows of a decoding step this takes a
third to a tenth of the time, so `pack` does it once for many steps. The numbers stay the same.

Shapes: N rows, I inputs, O outputs.
"""

import functools
import platform
import warnings
from collections.abc import Iterable, MutableMapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from c4pipe.machine import available_memory

_TOLERANCE = 1e-5
_MOST_PACKED_ROWS = 256  # with more rows, the layout no longer matters
_SHARE_OF_MEMORY = 0.25  # the largest share of the free memory that packed copies may take

# weight -> (version of the weight, packed copy)
_packed: MutableMapping[Tensor, tuple[tuple[int, int], Tensor]] = WeakTensorKeyDictionary()


class Linear(nn.Linear):
    """x weight^T without a bias."""

    def __init__(self, num_inputs: int, num_outputs: int) -> None:
        super().__init__(num_inputs, num_outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight)


def linear(x: Tensor, weight_OI: Tensor) -> Tensor:
    """x (..., I) times weight^T: (..., O), with gradients."""
    if _may_use_onednn(x, weight_OI) and not torch.is_autocast_enabled("cpu"):
        if torch.is_grad_enabled():
            return _OneDnnLinear.apply(x, weight_OI)
        return _onednn(x, _layout_for(x, weight_OI))
    return nn.functional.linear(x, weight_OI)


def product(a_NI: Tensor, b_IO: Tensor) -> Tensor:
    """a b for two matrices, without gradients."""
    return _onednn(a_NI, b_IO.T) if _may_use_onednn(a_NI, b_IO) else a_NI @ b_IO


def add_product(total_NO: Tensor, a_NI: Tensor, b_IO: Tensor) -> None:
    """Add a b to `total` in place, without gradients. For few columns I, adding it afterwards would take longer."""
    if total_NO.dtype == a_NI.dtype:
        total_NO.addmm_(a_NI, b_IO)
    else:
        total_NO += product(a_NI, b_IO)


def pack(weights: Iterable[Tensor], num_rows: int) -> None:
    """Keep a copy of each weight in the layout that oneDNN wants for products without gradients with few rows.

    A copy is used as long as its weight is not changed, and lives as long as the weight. Nothing is done where oneDNN
    is not used, or if the copies would need more than a quarter of the free memory.
    """
    missing = [weight for weight in weights if _packable(weight, num_rows) and not _is_packed(weight)]
    if not missing or sum(weight.nbytes for weight in missing) > _SHARE_OF_MEMORY * available_memory():
        return
    for weight in missing:
        copy = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), num_rows)
        _packed[weight] = (_version(weight), copy)


def _packable(weight: Tensor, num_rows: int) -> bool:
    return (
        num_rows <= _MOST_PACKED_ROWS
        and _may_use_onednn(weight.detach(), weight)
        and not weight.is_inference()  # has no version
        and not torch.is_autocast_enabled("cpu")
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
    )


def _layout_for(x: Tensor, weight: Tensor) -> Tensor:
    """The packed copy of a weight if there is one and x has few rows, else the weight."""
    has_few_rows = x.numel() <= _MOST_PACKED_ROWS * x.shape[-1]
    return _packed[weight][1] if has_few_rows and _is_packed(weight) else weight


def _is_packed(weight: Tensor) -> bool:
    found = _packed.get(weight)
    return found is not None and found[0] == _version(weight)


def _version(weight: Tensor) -> tuple[int, int]:
    """Differs after each change: a change in place counts up, and other memory has another address."""
    return weight._version, weight.data_ptr()


class _OneDnnLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight_OI: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight_OI)
        return _onednn(x, weight_OI)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight_OI = ctx.saved_tensors
        (gradient,) = upstream
        for_x = _onednn(gradient, weight_OI.T) if ctx.needs_input_grad[0] else None
        for_weight = None
        if ctx.needs_input_grad[1]:
            for_weight = _onednn(gradient.flatten(0, -2).T, x.flatten(0, -2).T)
        return for_x, for_weight


def _onednn(x: Tensor, weight_OI: Tensor) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight_OI, None, "none", [], "")


def _may_use_onednn(x: Tensor, weight: Tensor) -> bool:
    return (
        type(x) is Tensor  # not a fake tensor without values, as in tracing
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and x.numel() > 0  # oneDNN refuses empty tensors
        and not torch.compiler.is_compiling()
        and _onednn_is_right()
    )


@functools.cache
def _onednn_is_right() -> bool:
    """Whether the operator exists and agrees with PyTorch's product. If it disagrees, a warning says so."""
    if platform.machine().lower() not in ("x86_64", "amd64") or not torch.backends.mkldnn.is_available():
        return False
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(67, 130, generator=generator), torch.randn(33, 130, generator=generator)
    right = a @ b.T
    try:
        error = max((_onednn(a, b) - right).abs().max(), (_onednn(a, b.T.contiguous().T) - right).abs().max())
    except RuntimeError:
        return False
    if error > _TOLERANCE * right.abs().max():
        warnings.warn("oneDNN's matrix product is wrong here; MKL is used, which may be slower", stacklevel=2)
        return False
    return True
