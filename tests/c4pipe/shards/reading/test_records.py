"""Raw records from every kind of file, and the bad ones among them."""

import bz2
import gzip
import json
import lzma

import pytest

from c4pipe.errors import UserError
from c4pipe.shards.reading.records import BadRecord, RawRecord, ReadingOptions, header_of, read_records

ROWS = [{"a": "x", "n": 1}, {"a": "ü\u2028y", "n": 2}]


def zstd(data):
    import zstandard

    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


PACKERS = {"": lambda data: data, ".gz": gzip.compress, ".zst": zstd, ".bz2": bz2.compress, ".xz": lzma.compress}


def write_json(path, pack=lambda data: data):
    path.write_bytes(pack("\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode() + b"\n\n"))


def test_json_lines_plain_and_packed(tmp_path):
    for ending, pack in PACKERS.items():
        write_json(tmp_path / f"a.jsonl{ending}", pack)
        assert [record.fields for record in read_records(str(tmp_path / f"a.jsonl{ending}"))] == ROWS


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
    (record,) = read_records(str(path), ReadingOptions(delimited_columns=columns))
    assert record.fields == {"source": "gj04", "label": "1", "star": "", "sentence": "A sentence."}
    path.write_text("sentence\tlabel\nA sentence.\t1\n")
    (record,) = read_records(str(path), ReadingOptions(delimited_columns=columns))
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
    (tmp_path / "a.doc").write_text("x")
    with pytest.raises(UserError, match="cannot tell the kind of file; names end in"):
        list(read_records(str(tmp_path / "a.doc")))


def small_files(folder):
    """One file of every kind, with some records each, uncompressed: ending -> bytes."""
    import pyarrow as pa
    import pyarrow.feather
    import pyarrow.parquet as pq

    rows = [{"text": f"page {number} with words", "n": str(number)} for number in range(12)]
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, folder / "x.parquet")
    pyarrow.feather.write_feather(table, folder / "x.feather")
    with pa.ipc.new_stream(folder / "x.arrow", table.schema) as stream:
        for batch in table.to_batches(max_chunksize=3):
            stream.write_batch(batch)
    lines = [f"{row['text']}{{}}{row['n']}" for row in rows]
    return rows, {
        ".parquet": (folder / "x.parquet").read_bytes(),
        ".feather": (folder / "x.feather").read_bytes(),
        ".arrow": (folder / "x.arrow").read_bytes(),
        ".jsonl": "\n".join(map(json.dumps, rows)).encode(),
        ".json": json.dumps(rows, indent=1).encode(),
        ".tsv": "\n".join(line.format("\t") for line in ["text{}n", *lines]).encode(),
        ".csv": "\n".join(line.format(",") for line in ["text{}n", *lines]).encode(),
    }


_TABLES = [".parquet", ".feather", ".arrow"]
_LINES = [".jsonl", ".json", ".tsv", ".csv"]


# Not of plain lines that nothing counts or checks: there a cut between two lines cannot be seen.
@pytest.mark.parametrize(
    ("kind", "ending"),
    [
        *((kind, "") for kind in (*_TABLES, ".json")),
        *((kind, ending) for kind in _LINES for ending in (".gz", ".zst", ".bz2", ".xz")),
    ],
)
def test_a_cut_anywhere_is_an_error_that_names_the_file(tmp_path, kind, ending):
    rows, contents = small_files(tmp_path)
    path = tmp_path / f"cut{kind}{ending}"
    whole = PACKERS[ending](contents[kind])
    path.write_bytes(whole)
    assert [record.fields for record in read_records(str(path))] == rows
    # An empty file of plain JSON is one without records.
    for length in range(1 if (kind, ending) == (".json", "") else 0, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=rf"cut{kind}{ending} is damaged"):
            list(read_records(str(path)))


@pytest.mark.parametrize("ending", [".gz", ".zst", ".bz2", ".xz"])
def test_several_members_are_one_file_and_other_bytes_are_damage(tmp_path, ending):
    path = tmp_path / f"a.jsonl{ending}"
    part = PACKERS[ending](b'{"a": 1}\n')
    path.write_bytes(part * 3)
    assert len(list(read_records(str(path)))) == 3
    path.write_bytes(part + b"no member at all")
    with pytest.raises(UserError, match="damaged"):
        list(read_records(str(path)))
    path.write_bytes(b'{"a": 1}\n')
    with pytest.raises(UserError, match=r"its name says .*, but it does not begin like"):
        list(read_records(str(path)))


def test_a_zstd_file_with_a_window_of_256_mib_is_read(tmp_path):
    import zstandard

    parameters = zstandard.ZstdCompressionParameters(window_log=28, hash_log=10, chain_log=10)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    write_json(tmp_path / "a.jsonl.zst", lambda data: packer.compress(data) + packer.flush())
    packed = (tmp_path / "a.jsonl.zst").read_bytes()
    assert zstandard.get_frame_parameters(packed).window_size == 256 << 20
    assert [record.fields for record in read_records(str(tmp_path / "a.jsonl.zst"))] == ROWS


def test_a_zstd_window_that_no_machine_has_is_named(tmp_path):
    # Magic, a descriptor without a content size, a window of 2 GiB, and nothing that a reader would come to.
    (tmp_path / "a.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfd\x00" + bytes([(31 - 10) << 3]) + b"\x01\x00\x00")
    with pytest.raises(UserError, match="a window of more than 1024 MiB"):
        list(read_records(str(tmp_path / "a.jsonl.zst")))


def fields_of(path, content):
    path.write_bytes(content)
    return [getattr(record, "fields", getattr(record, "reason", None)) for record in read_records(str(path))]


def test_json_is_lines_an_array_or_one_object(tmp_path):
    path = tmp_path / "a.json"
    long = [{"a": "x" * 700_000 + str(number)} for number in range(5)]
    for value in (ROWS, long, []):
        assert fields_of(path, json.dumps(value).encode()) == value
        assert fields_of(path, b"\xef\xbb\xbf \n" + json.dumps(value, indent=2).encode() + b"\n") == value
    assert fields_of(path, b'[{"a": 1}, 2, [3]]') == [{"a": 1}, "bad_json", "bad_json"]
    assert fields_of(path, json.dumps(ROWS[0], indent=1).encode()) == ROWS[:1]
    assert fields_of(path, json.dumps(ROWS[0]).encode()) == ROWS[:1]
    for broken in (b'[{"a": 1} {"a": 2}]', b'[{"a": 1}]\n{"a": 2}', b'[{"a": }]', b'{\n "a": 1\n}\n{\n', b"[{]"):
        with pytest.raises(UserError, match="damaged"):
            fields_of(path, broken)


def test_csv_has_quotes_and_lines_within_them(tmp_path):
    content = b'\xef\xbb\xbfinputs,targets\n"a, ""b""\nc",x\n\nonly one\n"un"closed,2\n\xff,y\nz,"1"\n'
    found = fields_of(tmp_path / "a.csv", content)
    assert found == [
        {"inputs": 'a, "b"\nc', "targets": "x"},
        *("bad_csv", "bad_csv", "bad_utf8"),
        {"inputs": "z", "targets": "1"},
    ]
    assert header_of(str(tmp_path / "a.csv")) == ["inputs", "targets"]


def test_class_numbers_of_a_table_become_the_names_that_it_carries(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    feature = {"names": ["positive", "negative"], "_type": "ClassLabel"}
    metadata = {"huggingface": json.dumps({"info": {"features": {"label": feature}}})}
    table = pa.table({"label": [0, 1, -1, None]}).replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "a.parquet")
    found = [record.fields["label"] for record in read_records(str(tmp_path / "a.parquet"))]
    assert found == ["positive", "negative", -1, None]


def test_halves_of_surrogate_pairs_become_replacement_characters(tmp_path):
    assert fields_of(tmp_path / "a.jsonl", b'{"a": ["half \\ud83d"], "n": NaN}\n')[0]["a"] == ["half \ufffd"]


@pytest.mark.parametrize("depth", [300, 500, 900, 100_000])
@pytest.mark.parametrize("form", ['{{\n"a": {value}}}\n', '[{{"a": {value}}}]\n', '{{"a": {value}}}\n'])
def test_json_that_is_nested_too_deep_is_damage_or_a_bad_record(tmp_path, form, depth):
    path = tmp_path / "a.json"
    path.write_text(form.format(value="[" * depth + "]" * depth))
    try:
        (record,) = read_records(str(path))
    except UserError as error:
        assert "a.json is damaged" in str(error)
    else:
        assert isinstance(record, RawRecord) or record.reason == "bad_json"
        assert depth < 10_000 or isinstance(record, BadRecord)
