"""The benchmark of attention compares kernels that compute the same."""

import pytest
import torch

from benchmarks.bench_attention import flex
from model.architectures.attention import plain_attention


@pytest.mark.slow
@pytest.mark.parametrize(("queries", "keys"), [(64, 64), (37, 53)])
def test_flex_attention_computes_attention_with_the_bias(queries, keys):
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 3, queries, 16), (2, 3, keys, 16), (2, 3, keys, 16), (1, 3, queries, keys)]
    tensors = [torch.randn(*shape, generator=generator) for shape in shapes]
    with torch.no_grad():
        torch.testing.assert_close(flex(*tensors), plain_attention(*tensors), rtol=1e-5, atol=1e-5)
