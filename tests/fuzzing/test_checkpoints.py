"""Odd runs, states, weights, adapters and Hugging Face folders: one line, or the very weights that were written."""

import json
import random
import sys
import warnings
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from conftest import odd_bytes, odd_file

from c4pipe.errors import UserError
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.checkpoints import adapter_files, hugging_face, step_folder
from model.checkpoints.hugging_face_export import write_config
from model.checkpoints.loading import load_checkpoint
from model.checkpoints.run_folder import RunFolder

pytestmark = pytest.mark.slow
SMALL = ModelConfig(vocabulary_size=32, d_model=8, d_ff=8, d_kv=4, num_heads=2, num_layers=1)


@pytest.fixture(scope="module")
def weights():
    return {name: value.detach() for name, value in build_model(SMALL, seed=1).named_parameters()}


def assert_same(found, right):
    assert found.keys() == right.keys() and all(torch.equal(found[name], right[name]) for name in right)


def test_odd_runs(tmp_path, weights, fuzz):
    run = RunFolder(str(tmp_path))
    run.write(
        {
            "status": "finished",
            "model": SMALL.to_json(),
            "num_extra_ids": 10,
            "settings": {"steps": 3},
            "best_metric": {"name": "loss", "higher_is_better": False},
        }
    )
    place = step_folder.write(run.checkpoints, step_folder.State(3, 24, {"loss": 1.5}), weights, {})
    originals = {path: path.read_bytes() for path in (tmp_path / "run.json", *place.iterdir())}
    json_files = [path for path in originals if path.suffix == ".json"]

    def attempt(draw: random.Random) -> bool:
        path = draw.choice([*json_files, *json_files, place / step_folder.MODEL_FILE])
        if path.suffix == ".json":
            content = json.loads(originals[path])
            if draw.random() < 0.8:
                content.pop("sha256", None)  # else no odd state would come past its checksum
            path.write_bytes(odd_file(content, draw))
        else:
            path.write_bytes(odd_bytes(originals[path], draw))
        step_folder._digest.cache_clear()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = load_checkpoint(str(tmp_path))
            assert_same(found.state_dict, weights)
            return True
        finally:
            path.write_bytes(originals[path])

    fuzz(attempt)


def test_odd_hugging_face_folders(tmp_path, weights, fuzz):
    import safetensors.torch

    write_config(str(tmp_path), SMALL)
    safetensors.torch.save_file(hugging_face.their_weights(SMALL, weights), tmp_path / "model.safetensors")
    config, tensors = tmp_path / "config.json", tmp_path / "model.safetensors"
    originals = {path: path.read_bytes() for path in (config, tensors)}

    def attempt(draw: random.Random) -> bool:
        if draw.random() < 0.8:
            config.write_bytes(odd_file(json.loads(originals[config]), draw))
        else:
            head = 8 + int.from_bytes(originals[tensors][:8], "little")
            tensors.write_bytes(odd_bytes(originals[tensors][:head], draw) + originals[tensors][head:])
        try:
            found = load_checkpoint(str(tmp_path))
            build_model(found.config, device="meta")
            return True
        finally:
            for path, content in originals.items():
                path.write_bytes(content)

    fuzz(attempt)


def test_odd_adapters(tmp_path, fuzz):
    config = SMALL.with_(adapter_size=4)
    adapted = {name: value.detach() for name, value in build_model(config, seed=2).named_parameters()}
    base = {name: value for name, value in adapted.items() if ".adapter." not in name}
    adapter_files.save(str(tmp_path), 4, adapted)
    paths = [tmp_path / adapter_files.DESCRIPTION_FILE, tmp_path / adapter_files.WEIGHTS_FILE]
    originals = {path: path.read_bytes() for path in paths}

    def attempt(draw: random.Random) -> bool:
        path = draw.choice(paths)
        is_json = path.suffix == ".json"
        path.write_bytes(odd_file(json.loads(originals[path]), draw) if is_json else odd_bytes(originals[path], draw))
        try:
            found_config, found = adapter_files.load_onto(str(tmp_path), SMALL, base)
            if found_config.adapter_size != 4:
                raise UserError("another size")  # the model that is built of it does not take the weights
            assert_same(found, adapted)
            return True
        finally:
            path.write_bytes(originals[path])

    fuzz(attempt)
