"""Names of the Hugging Face hub, against a stand-in for its HTTP API."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")
from hub_stand_in import REVISION, environment_for, hub

from c4pipe.shards.text_shards import write_text_shard

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, sys
from c4pipe import hub
from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shards.reading.text_sources import find_text
what, *given = sys.argv[1:]
try:
    if what == "text":
        found = find_text(given[0])
        content = [len(files.read_bytes(path)) for path in found.train]
        print(json.dumps({"train": found.train, "validation": found.validation, "bytes": content}))
    elif what == "model":
        weights = [["model*.safetensors"], ["pytorch_model*.bin"]]
        print(hub.model_folder(given[0], ["config.json", "spiece.model"], weights))
    else:
        print(hub.push_model(*given))
except UserError as error:
    print(f"error: {error}")
"""


@pytest.fixture
def root(tmp_path) -> Path:
    """Two models (with one kind of weights, and with both), and a data set with configs as allenai/c4 has them."""
    for name, weights in (("old", ["pytorch_model.bin"]), ("both", ["model.safetensors", "pytorch_model.bin"])):
        folder = tmp_path / "hub" / "models" / "google" / name
        folder.mkdir(parents=True)
        for file in ("config.json", "spiece.model", "tf_model.h5", *weights):
            (folder / file).write_text(f"{file} of {name}")
    data = tmp_path / "hub" / "datasets" / "allenai" / "c4"
    rows = [{"text": "A page.", "timestamp": "", "url": "http://a.example/"}]
    for language in ("en", "de"):
        for file in (f"c4-{language}-train.00000-of-00002", f"c4-{language}-train.00001-of-00002"):
            write_text_shard(str(data / language / f"{file}.json.gz"), rows)
        write_text_shard(str(data / language / f"c4-{language}-validation.00000-of-00001.json.gz"), rows)
    configs = "".join(
        f"- config_name: {language}\n  data_files:\n"
        f"  - {{split: train, path: {language}/c4-{language}-train.*.json.gz}}\n"
        f"  - {{split: validation, path: {language}/c4-{language}-validation.*.json.gz}}\n"
        for language in ("en", "de")
    )
    (data / "README.md").write_text(f"---\nconfigs:\n{configs}---\n# C4\n")
    return tmp_path / "hub"


def ask(tmp_path: Path, address: str, *arguments: str, **more: str) -> str:
    """The last line of the script with these arguments, run where nothing has the name of a model."""
    environment = {**environment_for(address, tmp_path / "cache"), "PYTHONPATH": str(ROOT), **more}
    (tmp_path / "here").mkdir(exist_ok=True)
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=tmp_path / "here",
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()[-1]


def test_a_model_is_downloaded_with_one_kind_of_weights(root, tmp_path):
    with hub(root) as (address, log):
        folder = Path(ask(tmp_path, address, "model", "google/both"))
        assert {path.name for path in folder.iterdir()} == {"config.json", "spiece.model", "model.safetensors"}
        folder = Path(ask(tmp_path, address, "model", "google/old"))
        assert {path.name for path in folder.iterdir()} == {"config.json", "spiece.model", "pytorch_model.bin"}
        assert (folder / "config.json").read_text() == "config.json of old"
        assert not any(path.endswith(".h5") for _, path in log)
    # What is in the cache is found without the hub.
    assert ask(tmp_path, address, "model", "google/both").endswith(REVISION)


def test_a_local_folder_of_that_name_wins(root, tmp_path):
    (tmp_path / "here" / "google" / "both").mkdir(parents=True)
    with hub(root) as (address, log):
        assert ask(tmp_path, address, "model", "google/both") == "google/both"
        assert log == []


def test_a_config_of_a_data_set_is_read_by_its_splits(root, tmp_path):
    with hub(root) as (address, _):
        found = json.loads(ask(tmp_path, address, "text", "hf:allenai/c4@de"))
        begin = f"hf://datasets/allenai/c4@{REVISION}/de/c4-de"
        assert found["train"] == [f"{begin}-train.0000{number}-of-00002.json.gz" for number in range(2)]
        assert found["validation"] == [f"{begin}-validation.00000-of-00001.json.gz"]
        sizes = [(root / "datasets/allenai/c4/de" / url.rpartition("/")[2]).stat().st_size for url in found["train"]]
        assert found["bytes"] == sizes
        said = ask(tmp_path, address, "text", "hf:allenai/c4")
        assert said == "error: hf:allenai/c4 has several configs; name one as hf:allenai/c4@CONFIG: de, en"


def test_a_data_set_without_a_card_is_read_by_its_folders(root, tmp_path):
    (root / "datasets/allenai/c4/README.md").unlink()
    with hub(root) as (address, _):
        found = json.loads(ask(tmp_path, address, "text", "hf:allenai/c4@en"))
    assert len(found["train"]) == 2 and all("/en/" in url for url in found["train"] + found["validation"])


def test_what_the_hub_does_not_have_is_one_line(root, tmp_path):
    with hub(root) as (address, _):
        said = ask(tmp_path, address, "model", "google/nothing")
        assert said.startswith("error: google/nothing is not a folder here, and the Hugging Face hub has no model ")
        assert "has no data set nobody/nothing" in ask(tmp_path, address, "text", "hf:nobody/nothing")


@pytest.mark.parametrize("offline", [{"HF_HUB_OFFLINE": "1"}, {}], ids=["by_setting", "unreachable"])
def test_without_a_network_it_is_one_line_with_the_command_to_download(root, tmp_path, offline):
    with hub(root) as (address, _):
        pass
    for arguments, command in (
        (("model", "google/old"), "hf download google/old --local-dir=DIR"),
        (("text", "hf:allenai/c4@en"), "hf download allenai/c4 --repo-type=dataset --local-dir=DIR"),
    ):
        said = ask(tmp_path, address, *arguments, **offline)
        assert said.startswith(f"error: {arguments[1].removeprefix('hf:').partition('@')[0]} is not a folder here")
        assert command in said and "the Hugging Face hub did not answer" in said


def test_without_the_package_it_is_one_line_that_names_it(tmp_path):
    hidden = "import sys; sys.modules['huggingface_hub'] = None\n"
    ended = subprocess.run(
        [sys.executable, "-c", hidden + SCRIPT, "model", "google/old"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ended.stdout.startswith("error: google/old is not a folder here;")
    assert "pip install 'c4pipe[hub]'" in ended.stdout


def test_a_folder_is_uploaded(root, tmp_path):
    folder = tmp_path / "exported"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    with hub(root) as (address, log):
        assert ask(tmp_path, address, "push", str(folder), "me/mine") == f"{address}/me/mine"
        assert ("private", "me/mine") in log
        assert ("POST", "/api/models/me/mine/commit/main") in log
    pushed = root / "models" / "me" / "mine"
    assert {path.name: path.read_bytes() for path in pushed.iterdir()} == {
        "config.json": b"{}",
        "model.safetensors": b"weights",
    }
