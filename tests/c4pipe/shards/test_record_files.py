"""Raw records from every kind of file, and the bad ones among them."""

import gzip
import json

import pytest

from c4pipe.errors import UserError
from c4pipe.shards.record_files import BadRecord, RawRecord, read_records

ROWS = [{"a": "x", "n": 1}, {"a": "ü\u2028y", "n": 2}]


def write_json(path, pack=lambda data: data):
    path.write_bytes(pack("\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode() + b"\n\n"))


def test_json_lines_plain_and_packed(tmp_path):
    import zstandard

    packers = {
        "a.jsonl": lambda data: data,
        "b.jsonl.gz": gzip.compress,
        "c.json.zst": zstandard.ZstdCompressor().compress,
    }
    for name, pack in packers.items():
        write_json(tmp_path / name, pack)
        assert [record.fields for record in read_records(str(tmp_path / name))] == ROWS


def test_parquet_and_tsv(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    assert [record.fields for record in read_records(str(tmp_path / "a.parquet"))] == ROWS
    (tmp_path / "a.tsv").write_text('sentence\tlabel\nHe said "no"\t1\r\n\nonly one\nx\t0\n')
    records = list(read_records(str(tmp_path / "a.tsv")))
    assert records[0] == RawRecord(0, 15, {"sentence": 'He said "no"', "label": "1"})
    assert isinstance(records[1], BadRecord) and records[1].reason == "bad_tsv"
    assert records[2].fields == {"sentence": "x", "label": "0"} and records[2].number == 2


def test_tsv_without_a_header_takes_given_names_and_a_header_wins(tmp_path):
    path = tmp_path / "cola.tsv"
    path.write_text("gj04\t1\t\tA sentence.\n")
    columns = ("source", "label", "star", "sentence")
    (record,) = read_records(str(path), columns)
    assert record.fields == {"source": "gj04", "label": "1", "star": "", "sentence": "A sentence."}
    path.write_text("sentence\tlabel\nA sentence.\t1\n")
    (record,) = read_records(str(path), columns)
    assert record.fields == {"sentence": "A sentence.", "label": "1"}


def test_bad_lines_have_a_reason_and_a_place_and_the_rest_is_read(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": \n[1]\n{"a": "\xff"}\n{"a": 2}\n')
    records = list(read_records(str(path)))
    assert [getattr(record, "reason", None) for record in records] == [None, "bad_json", "bad_json", "bad_utf8", None]
    assert [record.offset for record in records] == [0, 9, 16, 20, 31]


def test_a_cut_file_and_an_unknown_kind_are_errors(tmp_path):
    whole = gzip.compress(b'{"a": 1}\n' * 10000)
    (tmp_path / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="damaged"):
        list(read_records(str(tmp_path / "a.jsonl.gz")))
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(UserError, match="damaged"):
        list(read_records(str(tmp_path / "a.parquet")))
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(UserError, match="task files end in"):
        list(read_records(str(tmp_path / "a.csv")))
