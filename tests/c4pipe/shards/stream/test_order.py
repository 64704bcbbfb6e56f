"""The order of an epoch: a permutation, the same for ever, well shuffled."""

import numpy as np
import pytest

from c4pipe.shards.schemas import ROWS_PER_BATCH
from c4pipe.shards.stream import order
from c4pipe.shards.stream.order import EpochOrder, Layout, permutation


def _rows_in_order(layout: Layout, seed: int, epoch: int) -> np.ndarray:
    """The row, counted over all shards, at each place of an epoch."""
    first = np.concatenate([[0], np.cumsum(layout.rows)])
    epoch_order = EpochOrder(layout, seed, epoch)
    places = []
    for index in range(epoch_order.num_windows):
        window = epoch_order.window(index)
        assert window.first == sum(map(len, places)) == epoch_order.first_row(index)
        starts = first[window.shards] + window.numbers * ROWS_PER_BATCH
        laid_out = np.concatenate([np.arange(start, start + n) for start, n in zip(starts, window.rows, strict=True)])
        places.append(laid_out[window.order])
    return np.concatenate(places)


@pytest.mark.parametrize(
    "rows", [[1], [0, 3, 0], [1024], [1025, 1], [5000, 70_000, 0, 33], [2048] * 70, [100_000, 1, 1024 * 65, 3]]
)
def test_every_row_comes_once_an_epoch_and_epochs_differ(rows):
    layout = Layout(tuple(rows), group_shards=4)
    first, second = _rows_in_order(layout, 7, 0), _rows_in_order(layout, 7, 1)
    np.testing.assert_array_equal(np.sort(first), np.arange(sum(rows)))
    np.testing.assert_array_equal(np.sort(second), np.arange(sum(rows)))
    if sum(rows) > 10:
        assert (first != second).mean() > 0.9
        assert (first != _rows_in_order(layout, 8, 0)).mean() > 0.9


def test_the_order_is_the_same_for_ever():
    # Written down once: a run that was begun with this version must go on with these examples on every later one.
    assert permutation(8, 0, 0, 1).tolist() == [1, 5, 2, 4, 7, 6, 0, 3]
    assert _rows_in_order(Layout((3000, 500, 1024), 2), 3, 1)[:6].tolist() == [4238, 3717, 3939, 2806, 2810, 120]


def test_a_window_reads_the_shards_of_one_group_only():
    layout = Layout((50_000,) * 30, group_shards=4)
    epoch_order = EpochOrder(layout, 0, 0)
    seen: list[int] = []
    for index in range(epoch_order.num_windows):
        window = epoch_order.window(index)
        of_group = epoch_order.shards_of_group(window.group)
        assert set(window.shards.tolist()) <= set(of_group)
        assert len(of_group) <= 4
        assert len(window.shards) <= order.BATCHES_PER_WINDOW
        seen += [shard for shard in of_group if shard not in seen]
    assert sorted(seen) == list(range(30))
    assert epoch_order.shards_of_group(window.group + 1) == []


def test_any_place_is_found_without_walking_there():
    epoch_order = EpochOrder(Layout((70_000, 3, 30_000, 90_000), 2), 0, 0)
    for row in (0, 1, 65_535, 65_536, 100_000, 190_002):
        index = epoch_order.window_of(row)
        assert epoch_order.first_row(index) <= row < epoch_order.first_row(index) + epoch_order.window(index).num_rows


def test_neighbours_are_nearly_as_far_apart_as_in_a_full_permutation():
    # 40 shards of 20,000 rows, 8 read at a time: neighbours come from the same shard once in 8.
    layout = Layout((20_000,) * 40, group_shards=8)
    places = _rows_in_order(layout, 0, 0)
    distance = np.abs(np.diff(places)).mean() / (len(places) / 3)
    assert 0.80 < distance < 1.05
    same_batch = (np.diff(places // ROWS_PER_BATCH) == 0).mean()
    assert same_batch < 2 / order.BATCHES_PER_WINDOW


def test_positions_and_rows_are_uncorrelated_over_the_epochs():
    layout = Layout((2_000,) * 12, group_shards=4)
    where = np.array([np.argsort(_rows_in_order(layout, 0, epoch)) for epoch in range(40)])
    # Each row's mean place over 40 epochs: the standard error of a uniform place is n / sqrt(12 * 40).
    error = (where.mean(axis=0) - 12_000) / (24_000 / np.sqrt(12 * 40))
    assert np.abs(error).max() < 6
    assert abs(error.std() - 1) < 0.35
