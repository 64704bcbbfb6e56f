"""`README.md` of a C4 folder: given only the folder, `datasets` reads the text and nothing else."""

import glob
import json
import subprocess
import sys
from pathlib import Path

import pytest

from c4pipe.folders.kinds import CARD
from c4pipe.report import data_set_card
from c4pipe.shards import manifest, names
from c4pipe.shards.provenance import write_provenance
from c4pipe.shards.text_shards import read_text_shard, write_text_shard

# In a process of its own: `datasets` reads these variables when it is imported.
_LOAD = """
import json, sys
import datasets

datasets.disable_progress_bars()
loaded = datasets.load_dataset(*sys.argv[1:])
rows = {split: list(of_split) for split, of_split in loaded.items()}
print(json.dumps(rows, default=lambda time: f"{time:%Y-%m-%dT%H:%M:%SZ}"))
"""


def load(tmp_path: Path, *arguments: str) -> dict[str, list[dict]]:
    """Split -> rows, as `datasets.load_dataset(*arguments)` of a machine without network gives them."""
    pytest.importorskip("datasets")
    environment = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    command = [sys.executable, "-c", _LOAD, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout)


def write_folder(folder: Path, splits: dict[str, list[int]], format: str = "json.gz") -> manifest.Manifest:
    """A folder as wet_to_c4 leaves it. splits: rows of each shard."""
    described: dict[str, tuple[manifest.Shard, ...]] = {}
    for split, counts in splits.items():
        for index, count in enumerate(counts):
            name = names.text_shard(split, index, len(counts), f".{format}")
            rows = [
                {
                    "text": f"Page {row} of {name}.\nIt has two lines.",
                    "timestamp": f"2019-04-18T10:{row // 60:02d}:{row % 60:02d}Z",
                    "url": f"https://{split}.example/{index}/{row}",
                }
                for row in range(count)
            ]
            write_text_shard(str(folder / name), rows, format)
            write_provenance(str(folder / names.provenance(split, index, len(counts))), [("a.wet.gz", 1)] * count)
            described[split] = (*described.get(split, ()), manifest.describe_shard(str(folder), name, count))
    made = manifest.Manifest("c4", described, {"variant": "en", "languages": ["en"]})
    manifest.write(str(folder), made)
    (folder / "report.json").write_text("{}\n")
    (folder / "quarantine.jsonl").write_text("")
    data_set_card.write(str(folder), made, "Made by a test.")
    return made


def rows_of(folder: Path, made: manifest.Manifest, *splits: str) -> list[dict]:
    columns = ("text", "timestamp", "url")
    return [
        row
        for split in splits
        for shard in made.splits[split]
        for row in read_text_shard(str(folder / shard.file), columns)
    ]


@pytest.mark.parametrize("format", ["json.gz", "json.zst", "parquet"])
def test_datasets_given_the_folder_alone_reads_the_text_of_each_split(tmp_path, format):
    folder = tmp_path / "c4"
    made = write_folder(folder, {"train": [3, 2], "validation": [2]}, format)
    assert load(tmp_path, str(folder)) == {split: rows_of(folder, made, split) for split in ("train", "validation")}


@pytest.mark.parametrize("format", ["json.gz", "parquet"])
def test_a_multilingual_folder_is_opened_as_a_whole_and_by_language(tmp_path, format):
    folder = tmp_path / "c4"
    splits = {"de": [2, 1], "de-validation": [1], "no": [3, 1], "no-validation": [0], "zh-Latn": [1, 1]}
    made = write_folder(folder, splits, format)
    assert load(tmp_path, str(folder), "de") == {
        "train": rows_of(folder, made, "de"),
        "validation": rows_of(folder, made, "de-validation"),
    }
    assert load(tmp_path, str(folder), "no") == {"train": rows_of(folder, made, "no")}
    assert load(tmp_path, str(folder)) == {
        "train": rows_of(folder, made, "de", "no", "zh-Latn"),
        "validation": rows_of(folder, made, "de-validation"),
    }


@pytest.mark.parametrize("format", ["json.gz", "parquet"])
def test_shards_and_splits_without_rows_do_no_harm(tmp_path, format):
    folder = tmp_path / "c4"
    made = write_folder(folder, {"train": [0, 2, 0, 1], "validation": [0]}, format)
    assert load(tmp_path, str(folder)) == {"train": rows_of(folder, made, "train")}


@pytest.mark.parametrize("format", ["json.gz", "json.zst", "parquet"])
def test_the_call_that_the_card_names_opens_the_folder_in_pyarrow(tmp_path, format):
    import pyarrow.dataset
    import pyarrow.json

    made = write_folder(tmp_path, {"train": [3, 2], "validation": [2]}, format)
    (call,) = [line for line in (tmp_path / CARD).read_text().split("\n") if line.startswith("pyarrow.")]
    opened = eval(call.replace("FOLDER", str(tmp_path)), {"pyarrow": pyarrow, "glob": glob})
    table = opened if isinstance(opened, pyarrow.Table) else opened.to_table()
    assert table["url"].to_pylist() == [row["url"] for row in rows_of(tmp_path, made, "train")]


def test_arrow_reads_a_whole_folder_of_parquet_without_its_provenance(tmp_path):
    import pyarrow.dataset

    made = write_folder(tmp_path, {"train": [3], "validation": [2]}, "parquet")
    opened = pyarrow.dataset.dataset(str(tmp_path), format="parquet", exclude_invalid_files=True)
    assert opened.to_table()["url"].to_pylist() == [
        row["url"] for row in rows_of(tmp_path, made, "train", "validation")
    ]


def test_the_front_matter_has_the_fields_of_the_hub(tmp_path):
    yaml = pytest.importorskip("yaml")
    write_folder(tmp_path, {"no": [600], "no-validation": [600]})
    front = yaml.safe_load((tmp_path / CARD).read_text().split("---\n")[1])
    assert [config["config_name"] for config in front["configs"]] == ["default", "no"]
    assert front["language"] == ["no"] and front["size_categories"] == ["1K<n<10K"]
    assert front["license"] == "other" and front["license_link"] == "https://commoncrawl.org/terms-of-use"
