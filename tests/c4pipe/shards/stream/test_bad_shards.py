"""Shards that are missing, cut or changed: an error that names them, or skipped and counted."""

import json
from itertools import islice

import numpy as np
import pytest

from c4pipe.errors import UserError
from c4pipe.shards.stream.example_sources import held_out, read_examples
from c4pipe.shards.stream.stream import Source, open_stream

ROWS = [300] * 6


@pytest.fixture
def folder(tmp_path, folder_of):
    return folder_of(tmp_path / "examples", ROWS)


def _remove(path):
    path.unlink()


def _cut(path):
    path.write_bytes(path.read_bytes()[:-200])


def _change(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [_remove, _cut, _change])
def test_a_bad_shard_is_named(folder, damage):
    damage(folder / "train-00003-of-00006.arrow")
    with pytest.raises(UserError, match=r"train-00003-of-00006\.arrow"):
        list(islice(open_stream([Source(str(folder))], seed=0, batch_size=100).batches(), 18))


@pytest.mark.parametrize("damage", [_remove, _cut, _change])
def test_a_skipped_shard_is_replaced_by_others_and_all_other_places_stay(folder, damage, example_of):
    whole = list(islice(open_stream([Source(str(folder))], seed=0, batch_size=100).batches(), 18))
    damage(folder / "train-00003-of-00006.arrow")
    ranks, replaced = [], 0
    for rank in range(2):
        stream = open_stream(
            [Source(str(folder))], seed=0, batch_size=100, rank=rank, world_size=2, on_bad_shard="skip"
        )
        ranks.append(list(islice(stream.batches(), 18)))
        replaced += stream.num_replaced
        assert list(stream.bad_shards) == ["train-00003-of-00006.arrow"]
    assert replaced == 300
    for step, before in enumerate(whole):
        ids = np.concatenate([rank[step].example_id for rank in ranks])
        bad = (before.example_id >= 900) & (before.example_id < 1200)
        np.testing.assert_array_equal(ids[~bad], before.example_id[~bad])
        assert not ((ids >= 900) & (ids < 1200)).any()
        inputs = np.concatenate([rank[step].inputs for rank in ranks])
        np.testing.assert_array_equal(inputs, example_of(ids)[0])


@pytest.mark.parametrize("damage", [_remove, _cut, _change])
def test_a_bad_shard_is_named_when_examples_are_read_in_order(folder, damage):
    damage(folder / "train-00005-of-00006.arrow")
    with pytest.raises(UserError, match=r"train-00005-of-00006\.arrow"):
        held_out(Source(str(folder), hold_out=10))
    assert len(read_examples(Source(str(folder)), 1500).inputs) == 1500


def test_nothing_but_bad_shards_is_an_error_even_when_they_are_skipped(folder):
    for path in folder.glob("*.arrow"):
        _cut(path)
    stream = open_stream([Source(str(folder))], seed=0, batch_size=100, on_bad_shard="skip")
    with pytest.raises(UserError, match="all shards read together are bad"):
        next(stream.batches())


def test_an_unknown_policy_is_an_error(folder):
    with pytest.raises(UserError, match="unknown policy"):
        open_stream([Source(str(folder))], seed=0, batch_size=1, on_bad_shard="ignore")


def _say(folder, **changes):
    """Let the manifest say something else of its last shard."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    content["splits"]["train"][-1] |= changes
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("rows", [299, 301, 1000])
def test_rows_that_the_file_does_not_have_are_an_error_and_never_zeros(folder, rows):
    _say(folder, rows=rows)
    with pytest.raises(UserError, match=rf"00005-of-00006\.arrow has 300 rows, its manifest says {rows:,}"):
        read_examples(Source(str(folder)))
    with pytest.raises(UserError, match=rf"00005-of-00006\.arrow has 300 rows, its manifest says {rows:,}"):
        list(islice(open_stream([Source(str(folder))], seed=0, batch_size=100).batches(), 18))


def test_more_rows_than_the_bytes_can_hold_are_refused_before_memory_is_taken(folder):
    _say(folder, rows=1 << 30)
    with pytest.raises(UserError, match="1,073,741,824 rows in"):
        open_stream([Source(str(folder))], seed=0, batch_size=100)


@pytest.mark.parametrize("value", [None, ...])
def test_a_length_that_is_missing_is_one_line(folder, value):
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    del content["settings"]["inputs_length"]
    if value is None:
        content["settings"]["inputs_length"] = None
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="settings lack inputs_length"):
        open_stream([Source(str(folder))], seed=0, batch_size=100)
