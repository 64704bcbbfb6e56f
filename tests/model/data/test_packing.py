import numpy as np
import pytest
import torch

from c4pipe.shards.stream.stream import Source, open_stream
from model.architectures.catalog import ARCHITECTURES, build_model
from model.architectures.config import ModelConfig
from model.architectures.t5 import Examples
from model.data.batches import as_batch
from model.data.packing import choose_layout, first_fit, lengths, pack, packed_batch

SMALL = ModelConfig(vocabulary_size=384, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2)


def short_batch(folder):
    """Sixteen examples, cut so that two or three fit into a row."""
    ids = next(iter(open_stream([Source(str(folder))], seed=0, batch_size=16).batches(0)))
    inputs, targets = ids.inputs.copy(), ids.targets.copy()
    for row in range(16):
        inputs[row, 5 + row % 6 :] = 0
        targets[row, 3 + row % 4 :] = 0
    return type(ids)(ids.position, inputs, targets, ids.source, ids.example_id)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_packed_examples_have_the_loss_and_the_gradients_that_they_have_alone(example_folder, architecture):
    ids = short_batch(example_folder)
    alone, packed = as_batch(ids, 0), packed_batch(ids, 0)
    assert len(packed) <= len(alone) // 2
    assert packed.num_tokens == alone.num_tokens
    model = build_model(SMALL.with_(architecture=architecture), seed=1)
    results = []
    for batch in (alone, packed):
        model.zero_grad()
        loss = model(Examples(batch.inputs, batch.targets, batch.inputs_segments, batch.targets_segments))
        loss.loss_sum.backward()
        results.append((loss, [parameter.grad.clone() for parameter in model.parameters()]))
    (one, gradients_alone), (other, gradients_packed) = results
    assert (one.num_tokens, one.num_correct) == (other.num_tokens, other.num_correct)
    torch.testing.assert_close(one.loss_sum, other.loss_sum, rtol=1e-5, atol=1e-5)
    for a, b in zip(gradients_alone, gradients_packed, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_rows_without_columns_have_no_length():
    assert lengths(np.zeros((3, 0), dtype=np.int32)).tolist() == [0, 0, 0]
    assert lengths(np.array([[0, 5, 0], [0, 0, 0], [1, 2, 3]])).tolist() == [2, 0, 3]


def test_nothing_is_lost_and_nothing_overlaps():
    random = np.random.default_rng(0)
    ids = np.zeros((50, 20), dtype=np.uint16)
    for row, length in enumerate(random.integers(1, 20, 50)):
        ids[row, :length] = random.integers(1, 60_000, length)
    rows = first_fit(lengths(ids), np.ones(50, dtype=np.int64), 20, 10)
    packed, segments = pack(ids, rows, int(rows.max()) + 1, 20)
    assert np.count_nonzero(packed) == np.count_nonzero(segments) == np.count_nonzero(ids)
    taken = dict.fromkeys(range(len(packed)), 0)
    for example, row in enumerate(rows.tolist()):
        taken[row] += 1
        assert packed[row][segments[row] == taken[row]].tolist() == ids[example][ids[example] != 0].tolist()


def random_lengths(num_examples, longest, seed):
    """Lengths like those of a mixture of tasks: a few examples are long."""
    random = np.random.default_rng(seed)
    share = random.random(num_examples) ** 3
    return 1 + (share * (longest - 1)).astype(np.int64)


@pytest.mark.parametrize("num_examples", [1, 2, 8, 31, 128])
@pytest.mark.parametrize("seed", range(5))
def test_a_layout_has_room_for_its_examples_and_is_never_larger_than_one_example_per_row(num_examples, seed):
    inputs, targets = random_lengths(num_examples, 180, seed), random_lengths(num_examples, 60, seed + 100)
    layout = choose_layout(inputs, targets)
    for sizes, width in ((inputs, layout.inputs_width), (targets, layout.targets_width)):
        assert np.bincount(layout.rows, weights=sizes).max() <= width
    assert layout.rows.max() < layout.num_rows <= num_examples
    widths = layout.inputs_width + layout.targets_width
    assert layout.num_rows * widths <= num_examples * (inputs.max() + targets.max() + 14)
    if num_examples == 128:
        assert (inputs.sum() + targets.sum()) / (layout.num_rows * widths) > 0.7


def test_a_batch_that_gains_nothing_is_not_packed(example_folder):
    ids = next(iter(open_stream([Source(str(example_folder))], seed=0, batch_size=8).batches(0)))
    full = type(ids)(ids.position, ids.inputs.clip(1), ids.targets.clip(1), ids.source, ids.example_id)
    batch = packed_batch(full, 0)
    assert batch.inputs_segments is None and batch.inputs.shape == full.inputs.shape
