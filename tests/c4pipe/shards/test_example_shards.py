"""Example shards: columns, equal batches whatever the blocks written, whole files or none."""

import numpy as np
import pyarrow as pa
import pytest

from c4pipe.errors import UserError
from c4pipe.shards.example_shards import ExampleShard, ExampleShardWriter, read_example_shard
from c4pipe.shards.schemas import ROWS_PER_BATCH, ExampleSchema


def _examples(count, inputs_length=12, targets_length=5, top=32100):
    random = np.random.default_rng(count)
    pairs = []
    for length in (inputs_length, targets_length):
        ids = random.integers(2, top, (count, length))
        lengths = random.integers(1, length + 1, count)
        ids[np.arange(length) >= lengths[:, None]] = 0
        ids[np.arange(count), lengths - 1] = 1
        pairs.append(ids)
    return pairs


def _write(path, schema, inputs, targets, sizes):
    with ExampleShardWriter(str(path), schema) as writer:
        start = 0
        for size in sizes:
            part = slice(start, start + size)
            rows = np.arange(start, start + len(inputs[part]))
            writer.write(inputs[part], targets[part], row=rows, token_offset=rows * 2, num_pages=rows % 3 + 1)
            start += size


@pytest.mark.parametrize("fixed", [True, False])
def test_the_same_rows_give_the_same_bytes_however_they_are_grouped(tmp_path, fixed):
    inputs, targets = _examples(2 * ROWS_PER_BATCH + 100)
    schema = ExampleSchema(12, 5, 32100, fixed, fixed, metadata={"text_shard": "c4-train.00000-of-00001.json.gz"})
    _write(tmp_path / "a.arrow", schema, inputs, targets, [len(inputs)])
    _write(tmp_path / "b.arrow", schema, inputs, targets, [1, 5000 % ROWS_PER_BATCH, ROWS_PER_BATCH, 10**6])
    assert (tmp_path / "a.arrow").read_bytes() == (tmp_path / "b.arrow").read_bytes()
    with ExampleShard(str(tmp_path / "a.arrow")) as shard:
        assert [shard.batch(n).num_rows for n in range(shard.num_batches)] == [ROWS_PER_BATCH, ROWS_PER_BATCH, 100]
        assert shard.metadata["text_shard"] == "c4-train.00000-of-00001.json.gz"
        np.testing.assert_array_equal(np.concatenate([shard.ids(n, "inputs", 12) for n in range(3)]), inputs)
        np.testing.assert_array_equal(np.concatenate([shard.ids(n, "targets", 5) for n in range(3)]), targets)
        row = shard.row(ROWS_PER_BATCH + 7)
        assert (row["row"], row["token_offset"]) == (ROWS_PER_BATCH + 7, 2 * (ROWS_PER_BATCH + 7))
        np.testing.assert_array_equal(row["inputs"], inputs[ROWS_PER_BATCH + 7][inputs[ROWS_PER_BATCH + 7] != 0])


def test_lists_of_ids_are_as_good_as_padded_ids(tmp_path):
    inputs, targets = _examples(50)
    schema = ExampleSchema(12, 5, 32100, False, False)
    _write(tmp_path / "a.arrow", schema, inputs, targets, [50])
    cut = [[row[row != 0] for row in ids] for ids in (inputs, targets)]
    _write(tmp_path / "b.arrow", schema, *cut, [50])
    assert (tmp_path / "a.arrow").read_bytes() == (tmp_path / "b.arrow").read_bytes()
    for number, row in enumerate(read_example_shard(str(tmp_path / "a.arrow"))):
        np.testing.assert_array_equal(row["targets"], cut[1][number])


def test_empty_inputs_of_a_language_model_are_rows_too(tmp_path):
    schema = ExampleSchema(0, 5, 32100, False, False)
    _, targets = _examples(9)
    _write(tmp_path / "lm.arrow", schema, np.zeros((9, 0), int), targets, [9])
    with ExampleShard(str(tmp_path / "lm.arrow")) as shard:
        assert shard.ids(0, "inputs", 0).shape == (9, 0)
        np.testing.assert_array_equal(shard.ids(0, "targets", 5), targets)


@pytest.mark.parametrize(("size", "kind"), [(65536, pa.uint16()), (65537, pa.uint32())])
def test_ids_are_as_wide_as_the_vocabulary_needs(tmp_path, size, kind):
    inputs, targets = _examples(5, top=size)
    inputs[0, 0] = size - 1
    _write(tmp_path / "a.arrow", ExampleSchema(12, 5, size), inputs, targets, [5])
    with ExampleShard(str(tmp_path / "a.arrow")) as shard:
        assert shard.schema.field("inputs").type.value_type == kind
        np.testing.assert_array_equal(shard.ids(0, "inputs", 12), inputs)


def test_task_shards_carry_task_and_references(tmp_path):
    inputs, targets = _examples(2)
    with ExampleShardWriter(str(tmp_path / "t.arrow"), ExampleSchema(12, 5, 32100, False, False, task=True)) as writer:
        where = {"row": [0, 1], "token_offset": [0, 0], "num_pages": [1, 1]}
        writer.write(inputs, targets, **where, task=["squad", "squad"], references=[["a", "b"], []])
    rows = list(read_example_shard(str(tmp_path / "t.arrow")))
    assert [row["references"] for row in rows] == [["a", "b"], []]
    assert rows[0]["task"] == "squad"


def test_a_shard_without_rows_is_a_file_without_batches(tmp_path):
    with ExampleShardWriter(str(tmp_path / "none.arrow"), ExampleSchema(12, 5, 32100)):
        pass
    assert list(read_example_shard(str(tmp_path / "none.arrow"))) == []


def test_an_error_leaves_no_file(tmp_path):
    inputs, targets = _examples(5)
    with pytest.raises(ValueError, match="do not fit"):
        _write(tmp_path / "a.arrow", ExampleSchema(6, 5, 32100), inputs + 1, targets, [5])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_or_cut_shard_is_named(tmp_path):
    inputs, targets = _examples(3000)
    path = tmp_path / "a.arrow"
    _write(path, ExampleSchema(12, 5, 32100), inputs, targets, [3000])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=r"a\.arrow is damaged"):
        ExampleShard(str(path))
    with pytest.raises(UserError, match=r"b\.arrow: not found"):
        ExampleShard(str(tmp_path / "b.arrow"))


def test_plain_pyarrow_reads_a_shard_with_all_its_columns(tmp_path):
    inputs, targets = _examples(10)
    _write(tmp_path / "a.arrow", ExampleSchema(12, 5, 32100), inputs, targets, [10])
    table = pa.ipc.open_file(str(tmp_path / "a.arrow")).read_all()
    assert table.column_names == ["inputs", "targets", "row", "token_offset", "num_pages"]
    np.testing.assert_array_equal(np.array(table["inputs"].to_pylist()), inputs)


def rewritten(path, table, rows_per_batch):
    """A table written as another program does it: columns nullable, no metadata, record batches of any size."""
    bare = pa.table({name: table[name] for name in table.schema.names}).replace_schema_metadata(None)
    with pa.ipc.new_file(str(path), bare.schema) as writer:
        writer.write_table(bare.combine_chunks(), max_chunksize=rows_per_batch)
    return str(path)


@pytest.fixture
def plain_table():
    """3,000 rows, as polars has them: large lists of nullable ids."""
    ids = [[number % 90 + 3, 5, 1] for number in range(3000)]
    large = pa.large_list(pa.uint16())
    numbers = pa.array(range(3000), pa.uint32())
    return pa.table({"inputs": pa.array(ids, large), "targets": pa.array(ids, large), "row": numbers})


@pytest.mark.parametrize("rows_per_batch", [3000, 2048, 500])
def test_a_shard_that_was_rewritten_in_other_batches_is_refused_in_words(plain_table, rows_per_batch, tmp_path):
    path = rewritten(tmp_path / "train-00000-of-00001.arrow", plain_table, rows_per_batch)
    words = f"rewritten by another program.*has {rows_per_batch:,} rows"
    with ExampleShard(path) as shard, pytest.raises(UserError, match=words):
        shard.row(1500)
    with pytest.raises(UserError, match="rewritten by another program"):
        list(read_example_shard(path))


def test_a_shard_that_was_rewritten_in_batches_of_the_same_size_is_read(plain_table, tmp_path):
    path = rewritten(tmp_path / "train-00000-of-00001.arrow", plain_table, 1024)
    with ExampleShard(path) as shard:
        assert shard.num_rows == 3000
        assert shard.row(1500)["inputs"].tolist() == [1500 % 90 + 3, 5, 1] and shard.row(1500)["row"] == 1500
        assert shard.ids(2, "targets", 4)[-1].tolist() == [2999 % 90 + 3, 5, 1, 0]
    assert [row["row"] for row in read_example_shard(path)] == list(range(3000))
    wide = plain_table.set_column(0, "inputs", plain_table["inputs"].cast(pa.list_(pa.int64())))
    with ExampleShard(rewritten(tmp_path / "wide.arrow", wide, 1024)) as shard:
        assert shard.row(0)["inputs"].tolist() == [3, 5, 1]


def test_nulls_and_columns_without_lists_of_ids_are_refused(plain_table, tmp_path):
    texts = pa.array([["a"]] * 3000)
    nulls = pa.array([None, *plain_table["inputs"].to_pylist()[1:]], pa.list_(pa.uint16()))
    for column, words in ((texts, "not lists of ids"), (nulls, "holds nulls in inputs")):
        path = rewritten(tmp_path / "other.arrow", plain_table.set_column(0, "inputs", column), 1024)
        with pytest.raises(UserError, match=words):
            list(read_example_shard(path))
