"""The comparison of two sides: its output and its exit status."""

import json

import pytest

from c4pipe.shards.text_shards import write_text_shard
from tools.parity.run import Side, compare, main, read_rows


def side(rows: dict, counters: dict | None = None) -> Side:
    return Side({url: ("2019", "train", text) for url, text in rows.items()}, counters or {}, 100, 7.0, 3.0, 2.0)


def test_equal_sides_end_well_and_tell_both_speeds(capsys):
    assert compare(side({"a": "x", "b": "y"}, {"n/a": 2}), side({"a": "x", "b": "y"}, {"n/a": 2, "n/own": 7})) == 0
    out = capsys.readouterr().out
    assert "equal" in out and "1 of the reference's 1 are equal" in out and out.count("50.0") == 2


@pytest.mark.parametrize(
    ("ours", "line"),
    [({"a": "x"}, "missing"), ({"a": "x", "b": "z"}, "other"), ({"a": "x", "b": "y", "c": ""}, "not in the")],
)
def test_a_row_that_differs_is_named(capsys, ours, line):
    assert compare(side({"a": "x", "b": "y"}), side(ours)) == 1
    lines = capsys.readouterr().out.splitlines()
    place = next(number for number, text in enumerate(lines) if text.strip().startswith(line))
    assert lines[place].endswith(" 1") and lines[place + 1].strip() in ("b", "c")


def test_a_counter_that_differs_is_named(capsys):
    assert compare(side({}, {"clean-page/passed": 3}), side({}, {"clean-page/passed": 4})) == 1
    assert "clean-page/passed: the reference 3, ours 4" in capsys.readouterr().out


def test_rows_are_read_from_the_shards_that_the_manifest_lists(tmp_path):
    write_text_shard(
        str(tmp_path / "c4-train.00000-of-00001.json.gz"), [{"text": "x", "timestamp": "2019", "url": "a"}], "json.gz"
    )
    shard = {"file": "c4-train.00000-of-00001.json.gz", "rows": 1, "bytes": 1, "sha256": ""}
    (tmp_path / "manifest.json").write_text(json.dumps({"splits": {"train": [shard]}}))
    assert read_rows(tmp_path) == {"a": ("2019", "train", "9dd4e461268c8034f5c8564e155c67a6")}


def test_dry_run_installs_nothing(tmp_path, capsys):
    assert main([f"--output={tmp_path / 'parity'}", "--dry_run"]) == 0
    assert "would install tensorflow-datasets==4.9.10" in capsys.readouterr().out
    assert not (tmp_path / "parity").exists()
