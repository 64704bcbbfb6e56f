"""Files with only the adapters are read back unchanged, or give a one-line error."""

import json

import pytest
import torch

from c4pipe.errors import UserError
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.checkpoints import adapter_files

BASE = ModelConfig(vocabulary_size=32, d_model=8, d_ff=8, d_kv=4, num_heads=2, num_layers=1)


@pytest.fixture
def stored(tmp_path):
    config = BASE.with_(adapter_size=4)
    weights = {name: value.detach() for name, value in build_model(config, seed=2).named_parameters()}
    adapter_files.save(str(tmp_path), 4, weights)
    return tmp_path, weights, {name: value for name, value in weights.items() if ".adapter." not in name}


def test_adapters_come_back(stored):
    folder, weights, base = stored
    config, found = adapter_files.load_onto(str(folder), BASE, base)
    assert config.adapter_size == 4
    assert found.keys() == weights.keys() and all(torch.equal(found[name], weights[name]) for name in weights)


def test_a_flipped_bit_is_seen(stored):
    folder, _, base = stored
    path = folder / adapter_files.WEIGHTS_FILE
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="checksum differs"):
        adapter_files.load_onto(str(folder), BASE, base)


@pytest.mark.parametrize(
    "changes", [{"adapter_size": "4"}, {"adapter_size": -1}, {"base_sha256": []}, {"sha256": "x"}, {"later": 1}]
)
def test_an_odd_description_is_one_line(stored, changes):
    folder, _, base = stored
    path = folder / adapter_files.DESCRIPTION_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(UserError, match="are damaged"):
        adapter_files.load_onto(str(folder), BASE, base)
