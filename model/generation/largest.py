"""The largest numbers of long rows, faster than `topk` and `argmax` of PyTorch on a CPU.

Shapes: V numbers per row, C of them wanted.
"""

import torch
from torch import Tensor

_BLOCK = 64  # numbers per block


def largest(x_V: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Values and indices of the `count` largest numbers of each row (..., V), in falling order: both (..., C).

    The largest numbers are in the blocks with the largest maxima, so `topk` sees one number per block, and then only
    these blocks. On a CPU, the maxima of blocks are vectorised, and `topk` is not.

    >>> largest(torch.tensor([[3.0, 1.0, 2.0]]), 2)
    (tensor([[3., 2.]]), tensor([[0, 2]]))
    """
    num_blocks = x_V.shape[-1] // _BLOCK
    if x_V.device.type != "cpu" or num_blocks <= 2 * count:
        values, indices = x_V.topk(count)
        return values, indices
    in_blocks = num_blocks * _BLOCK
    blocks = x_V[..., :in_blocks].unflatten(-1, (num_blocks, _BLOCK))
    chosen = blocks.amax(-1).topk(count)[1]
    candidates = blocks.gather(-2, chosen[..., None].expand(*chosen.shape, _BLOCK)).flatten(-2)
    rest = x_V[..., in_blocks:]
    values, places = torch.cat([candidates, rest], -1).topk(count)
    block = chosen.gather(-1, (places // _BLOCK).clamp(max=count - 1))
    from_blocks = block * _BLOCK + places % _BLOCK
    from_rest = places - count * _BLOCK + in_blocks
    return values, torch.where(places < count * _BLOCK, from_blocks, from_rest)


def index_of_largest(x_V: Tensor) -> Tensor:
    """The index of the largest number of each row (..., V), as `argmax`; of equal numbers, the first.

    >>> index_of_largest(torch.tensor([[3.0, 1.0, 3.0]])).tolist()
    [0]
    """
    num_blocks = x_V.shape[-1] // _BLOCK
    if x_V.device.type != "cpu" or num_blocks < 2:
        return x_V.argmax(-1)
    padded = torch.nn.functional.pad(x_V, (0, -x_V.shape[-1] % _BLOCK), value=-torch.inf)
    blocks = padded.unflatten(-1, (-1, _BLOCK))
    block = blocks.amax(-1).argmax(-1, keepdim=True)
    inside = blocks.gather(-2, block[..., None].expand(*block.shape, _BLOCK)).argmax(-1)
    return (block * _BLOCK + inside)[..., 0]
