"""The stream: each example once an epoch, the same global batches on any number of ranks and threads, from anywhere."""

from itertools import islice, pairwise

import numpy as np
import pytest

from c4pipe.errors import UserError
from c4pipe.shards.stream import order
from c4pipe.shards.stream.example_sources import held_out, open_source, read_examples
from c4pipe.shards.stream.stream import Source, open_stream, parse_sources

BATCH = 24  # divided by 1, 2, 3 and 8 ranks


@pytest.fixture(scope="module", autouse=True)
def small_windows_and_groups():
    """Windows of 3 batches and groups of 4 shards, so that small folders have many of both."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "BATCHES_PER_WINDOW", 3)
        patch.setattr(order, "MAX_GROUP_SHARDS", 4)
        yield


def _global_ids(sources, *, position, num_batches, ranks=1, threads=2, batch_size=BATCH, seed=5):
    """(source, example_id) of `num_batches` global batches, each put together from its ranks' parts."""
    parts = []
    for rank in range(ranks):
        stream = open_stream(
            sources, seed=seed, batch_size=batch_size, rank=rank, world_size=ranks, num_threads=threads
        )
        batches = list(islice(stream.batches(position), num_batches))
        assert [batch.position for batch in batches] == list(range(position, position + num_batches * BATCH, BATCH))
        assert all(len(batch.inputs) == BATCH // ranks for batch in batches)
        parts.append([np.stack([batch.source, batch.example_id]) for batch in batches])
    return np.concatenate([np.concatenate(step, axis=1) for step in zip(*parts, strict=True)], axis=1)


@pytest.fixture(scope="module")
def three_epochs(two_epoch_folder):
    """The ids of three epochs, read by one rank in one go."""
    num_batches = 3 * 9473 // BATCH + 1
    return _global_ids([Source(str(two_epoch_folder))], position=0, num_batches=num_batches)[1]


def test_the_folder_has_several_windows_and_groups(two_epoch_folder):
    epoch_order = order.EpochOrder(open_source(Source(str(two_epoch_folder))).layouts[0], 5, 0)
    assert (epoch_order.num_windows, epoch_order.window(epoch_order.num_windows - 1).group) == (5, 2)


def test_every_example_comes_exactly_once_an_epoch(three_epochs):
    for epoch in range(3):
        ids = three_epochs[epoch * 9473 : (epoch + 1) * 9473]
        np.testing.assert_array_equal(np.sort(ids), np.arange(9473))
    assert (three_epochs[:9473] != three_epochs[9473 : 2 * 9473]).mean() > 0.9


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("ranks", [1, 2, 3, 8])
def test_ranks_and_threads_and_stops_change_nothing(two_epoch_folder, three_epochs, ranks, threads):
    # Three epochs, each with one stop. Every part continues with another number of ranks.
    stops = [0, 131, 4001 // BATCH + 300, 2 * 9473 // BATCH + 77, len(three_epochs) // BATCH]
    others = [1, 2, 3, 8]
    for part, (start, stop) in enumerate(pairwise(stops)):
        now = others[(others.index(ranks) + part) % len(others)]
        ids = _global_ids(
            [Source(str(two_epoch_folder))],
            position=start * BATCH,
            num_batches=stop - start,
            ranks=now,
            threads=threads,
        )
        np.testing.assert_array_equal(ids[1], three_epochs[start * BATCH : stop * BATCH])


def test_a_batch_has_the_examples_of_its_ids(two_epoch_folder, example_of):
    stream = open_stream([Source(str(two_epoch_folder))], seed=1, batch_size=100, rank=1, world_size=2)
    for batch in islice(stream.batches(9473 - 150), 5):
        inputs, targets = example_of(batch.example_id)
        np.testing.assert_array_equal(batch.inputs, inputs)
        np.testing.assert_array_equal(batch.targets, targets)
        assert batch.inputs.dtype == np.uint16
    assert stream.num_examples == 9473


def test_any_position_is_a_start_not_only_multiples_of_the_batch(two_epoch_folder, three_epochs):
    stream = open_stream([Source(str(two_epoch_folder))], seed=5, batch_size=BATCH)
    for position in (1, 4_321, 9_472, 20_001):
        batch = next(stream.batches(position))
        np.testing.assert_array_equal(batch.example_id, three_epochs[position : position + BATCH])


@pytest.fixture(scope="module")
def mixture(tmp_path_factory, folder_of):
    root = tmp_path_factory.mktemp("mixture")
    rates = {"a": (0.5, [1200, 300]), "b": (0.3, [40, 0, 17]), "c": (0.2, [2100])}
    return [
        Source(str(folder_of(root / name, rows, salt=salt)), rate)
        for salt, (name, (rate, rows)) in enumerate(rates.items())
    ]


@pytest.mark.parametrize(("ranks", "threads"), [(1, 1), (2, 4), (3, 2), (8, 1)])
def test_sources_mix_exactly_on_any_number_of_ranks(mixture, ranks, threads):
    whole = _global_ids(mixture, position=0, num_batches=250)
    assert [int((whole[0] == source).sum()) for source in range(3)] == [3000, 1800, 1200]
    for source, count in enumerate([1500, 57, 2100]):
        ids = whole[1][whole[0] == source]
        for epoch in range(len(ids) // count):
            np.testing.assert_array_equal(np.sort(ids[epoch * count : (epoch + 1) * count]), np.arange(count))
    split = _global_ids(mixture, position=0, num_batches=90, ranks=ranks, threads=threads)
    rest = _global_ids(mixture, position=90 * BATCH, num_batches=160, ranks=9 - ranks if ranks == 8 else 4)
    np.testing.assert_array_equal(np.concatenate([split, rest], axis=1), whole)


def test_a_batch_of_a_mixture_has_the_examples_of_its_ids(mixture, example_of):
    stream = open_stream(mixture, seed=0, batch_size=64, rank=1, world_size=4)
    for batch in islice(stream.batches(777), 40):
        for source in range(3):
            where = batch.source == source
            inputs, targets = example_of(batch.example_id[where], salt=source)
            np.testing.assert_array_equal(batch.inputs[where], inputs)
            np.testing.assert_array_equal(batch.targets[where], targets)


def test_epochs_read_one_replica_after_the_other(tmp_path, folder_of):
    folder = folder_of(tmp_path / "replicas", [100, 50, 100, 50, 98, 50], settings={"replicas": 3})
    ids = _global_ids([Source(str(folder))], position=0, num_batches=40)[1]
    bounds = [0, 150, 300, 448, 598]
    for epoch, (start, stop) in enumerate(pairwise(bounds)):
        first = [0, 150, 300, 0][epoch]
        np.testing.assert_array_equal(np.sort(ids[start:stop]), np.arange(first, first + stop - start))


def test_the_last_examples_can_be_held_out(tmp_path, folder_of, example_of):
    folder = folder_of(tmp_path / "small", [1030, 40, 20])
    source = Source(str(folder), hold_out=50)
    ids = _global_ids([source], position=0, num_batches=100)[1]
    np.testing.assert_array_equal(np.sort(ids[:1040]), np.arange(1040))
    assert ids.max() == 1039
    for ours, numbers in ((held_out(source), np.arange(1040, 1090)), (read_examples(source, 1035), np.arange(1035))):
        inputs, targets = example_of(numbers)
        np.testing.assert_array_equal(ours.inputs, inputs)
        np.testing.assert_array_equal(ours.targets, targets)
    with pytest.raises(UserError, match="nothing is left"):
        open_source(Source(str(folder), hold_out=1090))


def test_the_last_examples_of_each_replica_are_held_out(tmp_path, folder_of, example_of):
    """They are the same text, corrupted differently."""
    folder = folder_of(tmp_path / "replicas", [100, 50, 100, 50], settings={"replicas": 2})
    source = Source(str(folder), hold_out=60)
    ids = _global_ids([source], position=0, num_batches=20)[1]
    for epoch, first in enumerate([0, 150, 0]):
        np.testing.assert_array_equal(np.sort(ids[epoch * 90 : (epoch + 1) * 90]), np.arange(first, first + 90))
    np.testing.assert_array_equal(held_out(source).inputs, example_of(np.arange(90, 150))[0])


@pytest.mark.parametrize("first", [1, 1030, 1033, 3000])
def test_the_first_examples_are_repeated_exactly(two_epoch_folder, first):
    source = Source(str(two_epoch_folder), max_examples=first)
    num_batches = 4 * first // BATCH + 1
    ids = _global_ids([source], position=0, num_batches=num_batches, ranks=3)[1]
    for epoch in range(4):
        np.testing.assert_array_equal(np.sort(ids[epoch * first : (epoch + 1) * first]), np.arange(first))
    start = num_batches // 2
    continued = _global_ids([source], position=start * BATCH, num_batches=num_batches - start, ranks=2)[1]
    np.testing.assert_array_equal(continued, ids[start * BATCH :])


def test_the_first_examples_of_each_replica_are_repeated(tmp_path, folder_of):
    folder = folder_of(tmp_path / "replicas", [100, 50, 100, 50], settings={"replicas": 2})
    ids = _global_ids([Source(str(folder), max_examples=120)], position=0, num_batches=20)[1]
    for epoch, first in enumerate([0, 150, 0, 150]):
        np.testing.assert_array_equal(np.sort(ids[epoch * 120 : (epoch + 1) * 120]), np.arange(first, first + 120))
    with pytest.raises(UserError, match="151 examples are to be used, but there are only 150"):
        open_source(Source(str(folder), max_examples=151))


def test_task_folders_stream_one_task_or_all(tmp_path, folder_of):
    splits = ("rte-train", "rte-validation", "cola-train")
    folder = folder_of(tmp_path / "tasks", [30, 12], splits=splits, kind="tasks")
    one = open_stream([Source(str(folder), split="rte-train")], seed=0, batch_size=8)
    both = open_stream([Source(str(folder))], seed=0, batch_size=8)
    assert (one.num_examples, both.num_examples) == (42, 84)
    assert len(next(one.batches()).inputs) == 8
    with pytest.raises(UserError, match="no split 'test'"):
        open_stream([Source(str(folder), split="test")], seed=0, batch_size=8)


def test_sources_of_different_vocabularies_do_not_mix(tmp_path, folder_of):
    ours = Source(str(folder_of(tmp_path / "a", [10])))
    for name, changes in {"b": {"settings": {"vocabulary_size": 250_100}}, "c": {"spiece": "other"}}.items():
        other = Source(str(folder_of(tmp_path / name, [10], **changes)))
        with pytest.raises(UserError, match="different vocabularies"):
            open_stream([ours, other], seed=0, batch_size=2)


def test_ranks_must_divide_the_batch(two_epoch_folder):
    with pytest.raises(UserError, match="cannot be divided by 3 ranks"):
        open_stream([Source(str(two_epoch_folder))], seed=0, batch_size=8, world_size=3)


def test_a_folder_that_is_not_finished_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"no manifest\.json"):
        open_stream([Source(str(tmp_path))], seed=0, batch_size=8)


def test_sources_are_read_from_a_flag():
    assert parse_sources("a:0.5,gs://b/c,d@rte-train:2") == [
        Source("a", 0.5),
        Source("gs://b/c", 1.0),
        Source("d", 2.0, "rte-train"),
    ]
    assert parse_sources("https://host:8000/c,http://host:80/d:3") == [
        Source("https://host:8000/c"),
        Source("http://host:80/d", 3.0),
    ]
    for wrong in ("a:fast", "a:0", "a:-1"):
        with pytest.raises(UserError, match="weight"):
            parse_sources(wrong)
