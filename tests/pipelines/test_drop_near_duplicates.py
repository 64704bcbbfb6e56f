"""The command: any text shards in, the same shards without near-equal pages out."""

import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from c4pipe.shards import manifest
from c4pipe.shards.text_shards import read_text_shard, write_text_shard
from pipelines.drop_near_duplicates import main

ONE_WORKER = ["--direct_num_workers=1"]


def text(seed: int) -> str:
    draw = random.Random(seed)
    return " ".join("".join(draw.choices("abcdefgh", k=5)) for _ in range(200)) + "."


def page(number: int, url: str) -> dict:
    return {"text": text(number), "timestamp": "2019-04-18T00:00:00Z", "url": url}


@pytest.fixture(scope="module")
def c4(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("c4")
    first, second = [page(number, f"a{number}") for number in range(9)], [page(3, "b3"), page(20, "b20")]
    write_text_shard(str(folder / "c4-train.00000-of-00002.json.gz"), first)
    write_text_shard(str(folder / "c4-train.00001-of-00002.json.gz"), second)
    write_text_shard(str(folder / "c4-validation.00000-of-00001.json.gz"), [page(20, "v20"), page(30, "v30")])
    return folder


def run(c4: Path, output: Path, *flags: str) -> int:
    return main([f"--input={c4}", f"--output={output}", *ONE_WORKER, *flags])


def urls(folder: Path) -> dict[str, list[str]]:
    return {
        path.name: [row["url"] for row in read_text_shard(str(path), ("url",))] for path in sorted(folder.glob("c4-*"))
    }


@pytest.fixture(scope="module")
def made(c4, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("distinct") / "out"
    assert run(c4, output) == 0
    return output


def test_one_page_of_each_cluster_stays_over_all_splits(made):
    assert urls(made) == {
        "c4-train.00000-of-00002.json.gz": [f"a{number}" for number in range(9)],
        "c4-train.00001-of-00002.json.gz": ["b20"],
        "c4-validation.00000-of-00001.json.gz": ["v30"],
    }


def test_the_folder_tells_what_was_dropped_for_what(made):
    rows = pq.read_table(made / "clusters.parquet").to_pylist()
    assert [(row["cluster"], row["kept"], row["url"]) for row in rows] == [
        (3, True, "a3"),
        (3, False, "b3"),
        (10, True, "b20"),
        (10, False, "v20"),
    ]
    held = manifest.read(str(made))
    assert {name: held.statistics[name] for name in ("pages", "clusters", "dropped")} == {
        "pages": 13,
        "clusters": 2,
        "dropped": 2,
    }
    assert held.num_rows("train") == 10 and held.num_rows("validation") == 1
    assert "v20" in (made / "report.html").read_text() and not (made / ".work").exists()


def test_the_same_command_again_changes_nothing(c4, made, capsys):
    before = {path.name: path.stat().st_mtime_ns for path in made.iterdir()}
    assert run(c4, made) == 0
    assert "finished already" in capsys.readouterr().out
    assert {path.name: path.stat().st_mtime_ns for path in made.iterdir()} == before


def test_other_settings_are_another_result(c4, made, capsys):
    with pytest.raises(Exception, match=r"rows_per_band is 8, this command asks for 4|another result"):
        run(c4, made, "--rows_per_band=4")


def test_a_dry_run_writes_nothing(c4, tmp_path, capsys):
    assert run(c4, tmp_path / "out", "--dry_run") == 0
    assert "would compare" in capsys.readouterr().out and not (tmp_path / "out").exists()


def test_shards_without_pages_are_an_error(tmp_path):
    write_text_shard(str(tmp_path / "c4-train.00000-of-00001.json.gz"), [])
    with pytest.raises(Exception, match="has no pages"):
        run(tmp_path, tmp_path / "out")
