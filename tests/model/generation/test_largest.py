"""The largest numbers of rows are those that PyTorch finds."""

import pytest
import torch

from model.generation.largest import index_of_largest, largest


@pytest.mark.parametrize("width", [5, 63, 64, 640, 1000, 4097])
@pytest.mark.parametrize("count", [1, 5])
def test_values_and_indices_are_those_of_topk(width, count):
    x = torch.randn(3, 4, width, generator=torch.Generator().manual_seed(width))
    values, indices = largest(x, count)
    expected = x.topk(count)
    assert torch.equal(values, expected[0]) and torch.equal(indices, expected[1])


def test_the_largest_may_all_be_in_one_block_or_behind_the_last():
    x = torch.zeros(2, 1000)
    x[0, 130:135] = torch.tensor([5.0, 9.0, 7.0, 8.0, 6.0])
    x[1, 995:] = torch.tensor([5.0, 9.0, 7.0, 8.0, 6.0])
    assert largest(x, 5)[1].tolist() == [[131, 133, 132, 134, 130], [996, 998, 997, 999, 995]]


@pytest.mark.parametrize("width", [7, 64, 200, 1000])
def test_of_equal_numbers_the_first_is_found(width):
    x = torch.randint(0, 3, (50, width), generator=torch.Generator().manual_seed(0)).float()
    x[0] = -torch.inf
    assert torch.equal(index_of_largest(x), x.argmax(1))
