"""The command: any text shards in, the same shards without near-equal pages out."""

import json
import random
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from c4pipe.errors import UserError
from c4pipe.shards import manifest, names
from c4pipe.shards.provenance import read_provenance, write_provenance
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


def with_provenance(c4: Path, folder: Path, *shards: tuple[str, int, int]) -> Path:
    """A copy of a folder where some shards, (split, index, count), have provenance files: record N + 1 at row N."""
    shutil.copytree(c4, folder)
    for split, index, count in shards:
        num_rows = len(urls(folder)[names.text_shard(split, index, count, ".json.gz")])
        origins = [(f"{split}{index}.wet.gz", row + 1) for row in range(num_rows)]
        write_provenance(str(folder / names.provenance(split, index, count)), origins)
    return folder


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


def test_the_folder_lists_dropped_pages_and_the_pages_that_stayed(made):
    rows = pq.read_table(made / "clusters.parquet").to_pylist()
    assert [(row["cluster"], row["kept"], row["url"]) for row in rows] == [
        (3, True, "a3"),
        (3, False, "b3"),
        (10, True, "b20"),
        (10, False, "v20"),
    ]
    committed = manifest.read(str(made))
    assert {name: committed.statistics[name] for name in ("pages", "clusters", "dropped")} == {
        "pages": 13,
        "clusters": 2,
        "dropped": 2,
    }
    assert committed.num_rows("train") == 10 and committed.num_rows("validation") == 1
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


ALL_SHARDS = (("train", 0, 2), ("train", 1, 2), ("validation", 0, 1))


def test_rows_that_stay_keep_their_provenance(c4, tmp_path):
    assert run(with_provenance(c4, tmp_path / "c4", *ALL_SHARDS), tmp_path / "out") == 0
    found = {shard: read_provenance(str(tmp_path / "out" / names.provenance(*shard))) for shard in ALL_SHARDS}
    assert found == {
        ("train", 0, 2): [("train0.wet.gz", record) for record in range(1, 10)],
        ("train", 1, 2): [("train1.wet.gz", 2)],
        ("validation", 0, 1): [("validation0.wet.gz", 2)],
    }
    assert "`_provenance/` tells for each row the WET file" in (tmp_path / "out" / "README.md").read_text()


def test_a_shard_without_provenance_gets_none(c4, made, tmp_path):
    assert not (made / "_provenance").exists() and "_provenance" not in (made / "README.md").read_text()
    assert run(with_provenance(c4, tmp_path / "c4", ("train", 1, 2)), tmp_path / "out") == 0
    assert [path.name for path in (tmp_path / "out" / "_provenance").iterdir()] == [
        "provenance-train.00001-of-00002.parquet"
    ]
    assert "for each row of 1 of the shards" in (tmp_path / "out" / "README.md").read_text()


def test_rows_that_are_not_pages_keep_the_numbers_of_the_others_in_provenance(c4_with_a_null_text, tmp_path):
    shard = ("train", 0, 1)
    origins = [("a.wet.gz", record) for record in range(1, 6)]
    write_provenance(str(c4_with_a_null_text / names.provenance(*shard)), origins)
    assert run(c4_with_a_null_text, tmp_path / "out", "--max_quarantined_fraction=0.5") == 0
    found = read_provenance(str(tmp_path / "out" / names.provenance(*shard)))
    assert found == [("a.wet.gz", 1), ("a.wet.gz", 4)]


def test_provenance_of_other_rows_is_refused(c4, tmp_path):
    folder = with_provenance(c4, tmp_path / "c4")
    write_provenance(str(folder / names.provenance("train", 1, 2)), [("a.wet.gz", 1)])
    with pytest.raises(UserError, match=r"has 1 rows, but c4-train.00001-of-00002.json.gz has 2; make the folder"):
        run(folder, tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_the_card_tells_how_the_folder_was_made(c4, made, tmp_path):
    card = (made / "README.md").read_text()
    assert card.startswith('---\nconfigs:\n- config_name: "default"\n') and "# Text without near-duplicates" in card
    assert "4 pages were in 2 clusters; of each cluster one page stays, and 2 pages were dropped" in card
    assert "| train | 10 | 2 | 0 |" in card and "commoncrawl.org" not in card and "license" not in card
    assert run(with_provenance(c4, tmp_path / "c4", *ALL_SHARDS), tmp_path / "out") == 0
    assert "license_link: https://commoncrawl.org/terms-of-use" in (tmp_path / "out" / "README.md").read_text()


@pytest.fixture
def c4_with_a_null_text(tmp_path) -> Path:
    folder = tmp_path / "c4"
    folder.mkdir()
    rows = [page(1, "a"), {"text": None, "timestamp": "", "url": "null"}, page(2, "b"), page(1, "c")]
    lines = [json.dumps(row) + "\n" for row in rows]
    (folder / "c4-train.00000-of-00001.json").write_text("".join([*lines[:2], '{"text": "cut', "\n", *lines[2:]]))
    return folder


def test_rows_that_are_not_pages_are_counted_and_quarantined_within_the_limit(c4_with_a_null_text, tmp_path, capsys):
    output = tmp_path / "out"
    with pytest.raises(UserError, match=r"2 of 5 records could not be used \(bad_json 1, no_text 1\)"):
        run(c4_with_a_null_text, output)
    assert not (output / "manifest.json").exists()
    assert run(c4_with_a_null_text, output, "--max_quarantined_fraction=0.5") == 0
    assert "rows that are not pages, in quarantine.jsonl: bad_json 1, no_text 1; next" in capsys.readouterr().out
    assert urls(output) == {"c4-train.00000-of-00001.json.gz": ["a", "b"]}
    assert [row["row"] for row in pq.read_table(output / "clusters.parquet").to_pylist()] == [0, 4]
    counts = ("pages", "clusters", "in_clusters", "dropped", "dropped_characters")
    statistics = manifest.read(str(output)).statistics
    assert {name: statistics[name] for name in (*counts, "quarantined_bad_json", "quarantined_no_text")} == {
        "pages": 3,
        "clusters": 1,
        "in_clusters": 2,
        "dropped": 1,
        "dropped_characters": len(text(1)),
        "quarantined_bad_json": 1,
        "quarantined_no_text": 1,
    }
    quarantined = [json.loads(line) for line in (output / "quarantine.jsonl").read_text().splitlines()]
    assert [row["reason"] for row in quarantined] == ["no_text", "bad_json"]


def fineweb(number: int, date: str) -> dict:
    """A row as FineWeb has it."""
    return {
        **{"text": text(number), "id": f"<urn:uuid:{number}-{date}>", "dump": "CC-MAIN-2013-20"},
        **{"url": f"http://{number}.example/{date}", "date": f"{date}T05:32:25Z", "file_path": "s3://commoncrawl/x"},
        **{"language": "en", "language_score": 0.97, "token_count": 400},
    }


@pytest.mark.parametrize("as_moments", [False, True])
def test_of_fineweb_s_layout_the_page_with_the_newest_date_stays(tmp_path, as_moments):
    """FineWeb's Parquet files have `date`, as text; where it is a time of Parquet, it counts too."""
    folder = tmp_path / "data" / "CC-MAIN-2013-20"
    folder.mkdir(parents=True)
    parts = [[fineweb(1, "2013-05-18"), fineweb(2, "2013-05-20")], [fineweb(1, "2013-06-01"), fineweb(2, "2013-05-19")]]
    for number, rows in enumerate(parts):
        table = pa.Table.from_pylist(rows)
        if as_moments:
            place = table.schema.get_field_index("date")
            times = pc.strptime(table["date"], format="%Y-%m-%dT%H:%M:%SZ", unit="s")
            table = table.set_column(place, "date", times)
        pq.write_table(table, folder / f"000_0000{number}.parquet")
    assert run(f"{folder}/*.parquet", tmp_path / "out", "--format=parquet") == 0
    rows = [row for path in sorted((tmp_path / "out").glob("c4-*")) for row in pq.read_table(path).to_pylist()]
    assert [(row["url"], row["timestamp"][:10]) for row in rows] == [
        ("http://2.example/2013-05-20", "2013-05-20"),
        ("http://1.example/2013-06-01", "2013-06-01"),
    ]


def test_of_the_released_c4_s_layout_the_newest_page_stays(tmp_path):
    """As on Hugging Face: `c4-train.00000-of-01024.json.gz`, `text`, `timestamp`, `url`, here two shards of many."""
    for number, day in ((3, 25), (700, 18)):
        row = {"text": text(1), "timestamp": f"2019-04-{day}T12:57:54Z", "url": f"http://{day}.example/"}
        write_text_shard(str(tmp_path / f"c4-train.{number:05d}-of-01024.json.gz"), [row])
    assert run(tmp_path / "c4-train.*.json.gz", tmp_path / "out") == 0
    assert [url for found in urls(tmp_path / "out").values() for url in found] == ["http://25.example/"]
