"""Attention with T5's bias on a GPU: our kernels, PyTorch's kernels, and the plain formula (as in Hugging Face's T5).

PyTorch's are the fused kernels with a mask, and FlexAttention.

    python benchmarks/bench_attention.py
    python benchmarks/bench_attention.py --batch_size=128 --heads=16

Self-attention in bf16 with the same bias for all examples and with all gradients, for the lengths of T5's encoder and
decoder. The times are medians of many runs with Triton's `do_bench`. The rate counts 4 x T x S x K operations per head
in the forward pass and 10 x T x S x K in the backward pass; operations that are computed twice count once.
"""

import argparse
import functools
import sys
import time
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from model.architectures.attention import IMPLEMENTATIONS, Kernel, kernel_error


@functools.cache
def _compiled_flex() -> Kernel:
    from torch.nn.attention.flex_attention import flex_attention

    def attend(q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, bias_1HTS: Tensor) -> Tensor:
        def add_bias(score: Tensor, b: Tensor, h: Tensor, t: Tensor, s: Tensor) -> Tensor:
            return score + bias_1HTS[0, h, t, s]

        return flex_attention(q_BHTK, k_BHSK, v_BHSK, score_mod=add_bias, scale=1.0)

    return torch.compile(attend, dynamic=False)


def flex(q_BHTK: Tensor, k_BHSK: Tensor, v_BHSK: Tensor, bias_1HTS: Tensor) -> Tensor:
    """The same by PyTorch's FlexAttention, compiled. On a CPU it has no gradients (PyTorch 2.13)."""
    return _compiled_flex()(q_BHTK, k_BHSK, v_BHSK, bias_1HTS)


KERNELS: dict[str, Kernel] = {**IMPLEMENTATIONS, "flex": flex}


def measure(kernel: Kernel, arguments: argparse.Namespace, length: int) -> tuple[float, float]:
    """Milliseconds of the forward and of the backward pass."""
    from triton.testing import do_bench

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device="cuda", dtype=torch.bfloat16)

    def by_rows() -> torch.Tensor:
        return random(arguments.batch_size, length, arguments.heads, arguments.features).transpose(1, 2)

    leaves = [by_rows() * arguments.features**-0.5, by_rows(), by_rows(), random(1, arguments.heads, length, length)]
    leaves = [leaf.detach().requires_grad_() for leaf in leaves]
    output, upstream = kernel(*leaves), by_rows()
    return (
        do_bench(lambda: kernel(*leaves), return_mode="median"),
        do_bench(lambda: torch.autograd.grad(output, leaves, upstream, retain_graph=True), return_mode="median"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--features", type=int, default=64, help="features per head")
    parser.add_argument("--lengths", default="512,256,114", help="comma-separated")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("no GPU: nothing to measure")
        return
    device = torch.device("cuda")
    torch.backends.cuda.enable_cudnn_sdp(False)
    print(f"{torch.cuda.get_device_name()}; torch {torch.__version__}, {time.strftime('%Y-%m-%d')}")
    shape = {"num_heads": arguments.heads, "d_kv": arguments.features}
    for name, kernel in KERNELS.items():
        print(f"{name}: error {kernel_error(kernel, device, torch.bfloat16, **shape):.2g} of the largest value")
    for length in map(int, arguments.lengths.split(",")):
        print(f"{arguments.batch_size} x {arguments.heads} heads, {length} queries and keys:")
        product = 2 * arguments.batch_size * arguments.heads * length**2 * arguments.features
        for name, kernel in KERNELS.items():
            forward, backward = measure(kernel, arguments, length)
            print(
                f"  {name:7} forward {forward:.3f} ms ({2 * product / forward / 1e9:.0f} TFLOP/s), "
                f"backward {backward:.3f} ms ({5 * product / backward / 1e9:.0f} TFLOP/s)"
            )


if __name__ == "__main__":
    main()
