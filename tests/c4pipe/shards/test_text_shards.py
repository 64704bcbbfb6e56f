"""Text shards: rows are read back unchanged, the same rows give the same bytes, and damage is a one-line error."""

import gzip
import json
import time

import pytest

from c4pipe.errors import UserError
from c4pipe.shards.text_shards import WRITERS, read_text_shard, write_text_shard

ROWS = [
    {
        "text": f"Line {number} of a page — with “quotes”.\nSecond\tline.",
        "timestamp": "2019-04-25T12:57:54Z",
        "url": url,
    }
    for number, url in enumerate(["https://a.example/", "https://b.example/ü", "https://c.example/?x=1"])
] * 2000


@pytest.mark.parametrize("format", WRITERS)
def test_rows_come_back_and_the_same_rows_give_the_same_bytes(tmp_path, format):
    first, second = tmp_path / f"first.{format}", tmp_path / f"second.{format}"
    assert write_text_shard(str(first), ROWS, format) == len(ROWS)
    time.sleep(1.1)  # a time in a header would show
    write_text_shard(str(second), iter(ROWS), format)
    assert first.read_bytes() == second.read_bytes()
    assert list(read_text_shard(str(first), ("url", "text", "timestamp"))) == ROWS
    assert next(read_text_shard(str(first))) == {"text": ROWS[0]["text"]}


@pytest.mark.parametrize("format", WRITERS)
def test_a_split_without_rows_is_one_empty_shard(tmp_path, format):
    path = str(tmp_path / f"empty.{format}")
    assert write_text_shard(path, [], format) == 0
    assert list(read_text_shard(path)) == []


def test_json_lines_are_those_of_the_standard_tools(tmp_path):
    write_text_shard(str(tmp_path / "a.json.gz"), ROWS[:2])
    with gzip.open(tmp_path / "a.json.gz", "rt", encoding="utf-8") as lines:
        assert [json.loads(line) for line in lines] == ROWS[:2]


def test_lines_that_other_tools_write_are_read(tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text('{"text": "half \\ud83d a pair", "score": NaN}\n\n{"text": "second"}\n')
    assert list(read_text_shard(str(path), ("text", "url"))) == [
        {"text": "half \ufffd a pair", "url": None},
        {"text": "second", "url": None},
    ]


@pytest.mark.parametrize("format", WRITERS)
def test_a_file_cut_in_half_is_named(tmp_path, format):
    path = tmp_path / f"cut.{format}"
    write_text_shard(str(path), ROWS, format)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=rf"cut\.{format}"):
        list(read_text_shard(str(path)))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[1]\n", r"row 0 \(from 0\): not a JSON object"),
        ('{"text": "a"}\n{"text"\n', r"row 1 \(from 0\): no valid JSON"),
        ('{"t": 1}\n', "no `text` among its fields"),
        ('{"text": 3}\n', "`text` is int, not a text"),
    ],
)
def test_lines_that_are_not_pages_are_named(tmp_path, content, complaint):
    path = tmp_path / "bad.jsonl"
    path.write_text(content)
    with pytest.raises(UserError, match=complaint):
        list(read_text_shard(str(path)))


def test_a_parquet_row_without_text_is_named(tmp_path):
    rows = [{"text": "x"}] * 1500 + [{"text": None}]
    write_text_shard(str(tmp_path / "a.parquet"), rows, "parquet", ("text",))
    with pytest.raises(UserError, match=r"row 1500 \(from 0\): `text` is null"):
        list(read_text_shard(str(tmp_path / "a.parquet"), ("url",)))


def test_a_failure_leaves_no_file(tmp_path):
    def rows():
        yield ROWS[0]
        raise RuntimeError("the machine stops")

    with pytest.raises(RuntimeError):
        write_text_shard(str(tmp_path / "half.json.gz"), rows())
    assert list(tmp_path.iterdir()) == []


def test_rows_that_are_not_pages_are_reported_and_the_others_keep_their_numbers(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "url": "u"}\n{"text": null}\n{"text": 12}\n{"text"\n{"text": "b"}\n')
    bad = []
    rows = list(read_text_shard(str(path), ("text", "url"), on_bad=bad.append))
    assert [row["text"] for row in rows] == ["a", "", "", "", "b"] and rows[0]["url"] == "u"
    assert [(fault.number, fault.reason) for fault in bad] == [(1, "no_text"), (2, "bad_text"), (3, "bad_json")]


def test_text_of_a_parquet_file_may_be_bytes(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = pa.array(["ü".encode(), b"b", b"\xff"], pa.binary())
    pq.write_table(pa.table({"text": texts, "n": [1, 2, 3]}), tmp_path / "a.parquet")
    bad = []
    assert [row["text"] for row in read_text_shard(str(tmp_path / "a.parquet"), on_bad=bad.append)] == ["ü", "b", ""]
    assert [fault.reason for fault in bad] == ["bad_utf8"]


def test_a_table_without_a_text_names_its_columns(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"content": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"no column `text` \(its columns: content\)"):
        list(read_text_shard(str(tmp_path / "a.parquet")))


def test_plain_text_is_a_page_per_line_or_per_file(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"One page.\r\n\nAnother.\n")
    assert [row["text"] for row in read_text_shard(str(tmp_path / "a.txt"))] == ["One page.", "Another."]
    whole = list(read_text_shard(str(tmp_path / "a.txt"), page_per="file"))
    assert [row["text"] for row in whole] == ["One page.\r\n\nAnother.\n"]
