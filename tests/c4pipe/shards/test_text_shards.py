"""Text shards: what goes in comes out, the same rows give the same bytes, and damage is one line."""

import gzip
import json
import time

import pytest

from c4pipe.errors import UserError
from c4pipe.shards import manifest
from c4pipe.shards.sources import ENDINGS
from c4pipe.shards.text_shards import READERS, WRITERS, read_text_shard, resolve_source, write_text_shard

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


def test_every_ending_has_a_reader():
    assert set(ENDINGS) == set(READERS)


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
        ("[1]\n", "line 1: not a JSON object"),
        ('{"text": "a"}\n{"text"\n', "line 2: no valid"),
        ('{"t": 1}\n', "no `text`"),
    ],
)
def test_lines_that_are_no_pages_are_named(tmp_path, content, complaint):
    path = tmp_path / "bad.jsonl"
    path.write_text(content)
    with pytest.raises(UserError, match=complaint):
        list(read_text_shard(str(path)))


def test_a_parquet_row_without_text_is_named(tmp_path):
    rows = [{"text": "x"}] * 1500 + [{"text": None}]
    write_text_shard(str(tmp_path / "a.parquet"), rows, "parquet", ("text",))
    with pytest.raises(UserError, match="row 1500: no `text`"):
        list(read_text_shard(str(tmp_path / "a.parquet"), ("url",)))


def test_a_failure_leaves_no_file(tmp_path):
    def rows():
        yield ROWS[0]
        raise RuntimeError("the machine stops")

    with pytest.raises(RuntimeError):
        write_text_shard(str(tmp_path / "half.json.gz"), rows())
    assert list(tmp_path.iterdir()) == []


def _c4_folder(folder, splits):
    shards = {}
    for split in splits:
        name = f"c4-{split}.00000-of-00001.json.gz"
        write_text_shard(str(folder / name), ROWS[:3])
        shards[split] = (manifest.describe_shard(str(folder), name, 3),)
    manifest.write(str(folder), manifest.Manifest("c4", shards, {}))


def test_a_source_is_a_folder_a_split_of_it_or_a_glob(tmp_path, capsys):
    _c4_folder(tmp_path, ["train", "validation"])
    name = str(tmp_path / "c4-{}.00000-of-00001.json.gz")
    assert resolve_source(str(tmp_path)) == [name.format("train")]
    assert resolve_source(f"{tmp_path}@validation") == [name.format("validation")]
    assert capsys.readouterr().err == ""
    assert resolve_source(f"{tmp_path}/c4-*.json.gz") == [name.format("train"), name.format("validation")]
    assert capsys.readouterr().err.count("notice") == 1
    with pytest.raises(UserError, match="no split 'de'"):
        resolve_source(f"{tmp_path}@de")
    with pytest.raises(UserError, match="no file matches"):
        resolve_source(str(tmp_path / "nothing-*.json.gz"))


def test_a_released_folder_without_a_manifest_gives_its_train_split(tmp_path, capsys):
    for split in ("train", "validation"):
        write_text_shard(str(tmp_path / f"c4-{split}.00000-of-00001.json.gz"), ROWS[:1])
    assert resolve_source(str(tmp_path)) == [str(tmp_path / "c4-train.00000-of-00001.json.gz")]
    assert resolve_source(f"{tmp_path}@validation") == [str(tmp_path / "c4-validation.00000-of-00001.json.gz")]
    assert "no manifest" in capsys.readouterr().err
