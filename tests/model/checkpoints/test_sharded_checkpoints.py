"""A checkpoint that several processes write, each its own rows. Threads stand for the processes."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import safetensors.torch
import torch

from c4pipe.errors import UserError
from model.architectures.parts import Part
from model.checkpoints import step_folder, stored_tensors
from model.checkpoints.step_folder import State, Writers
from model.checkpoints.stored_tensors import StoredTensors

TABLE = {
    "matrix": torch.arange(35.0).reshape(7, 5),
    "vector": torch.arange(7.0),
    "short": torch.arange(2.0),  # no rows for the last process
    "count": torch.tensor(3),
}
COUNT = 3


def rows_of(index: int) -> dict[str, Part]:
    """What a process has of the table: as `fully_shard` splits it, and the count on the first only."""
    found = {}
    for name, tensor in TABLE.items():
        if tensor.ndim:
            size = -(-len(tensor) // COUNT)
            rows = tensor[index * size : (index + 1) * size]
            if len(rows):
                found[name] = Part(rows, index * size, tensor.shape, COUNT)
        elif index == 0:
            found[name] = Part(tensor, 0, tensor.shape)
    return found


def write_together(parent: Path, tables, *, step: int = 4) -> list:
    """What each writer returns or raises."""
    values, barrier = [None] * COUNT, threading.Barrier(COUNT, timeout=600)

    def write(index: int):
        def gather(value):
            values[index] = value
            barrier.wait()
            found = list(values)
            barrier.wait()
            return found

        try:
            return step_folder.write(parent, State(step, 8), tables[index], {}, Writers(index, COUNT, gather))
        except OSError as error:
            return error

    with ThreadPoolExecutor(COUNT) as pool:
        return list(pool.map(write, range(COUNT)))


@pytest.fixture
def folder(tmp_path) -> Path:
    found = write_together(tmp_path, [rows_of(index) for index in range(COUNT)])
    assert set(found) == {tmp_path / "step-00000004"}
    return found[0]


def test_the_whole_comes_back_and_any_rows(folder):
    names = {f"{table}-0000{number}-of-00003.safetensors" for table in ("model", "optimizer") for number in (1, 2, 3)}
    assert {path.name for path in folder.iterdir()} == {*names, "state.json"}
    assert step_folder.fault(folder) is None
    weights = step_folder.read_weights(folder)
    assert weights.keys() == TABLE.keys()
    for name, tensor in TABLE.items():
        assert weights.shapes[name] == tensor.shape and torch.equal(weights[name], tensor)
    for start, stop in ((0, 7), (2, 5), (4, 4), (6, 7), (0, 1)):
        assert torch.equal(weights.rows("matrix", start, stop), TABLE["matrix"][start:stop])


def test_a_changed_byte_in_the_file_of_one_rank_is_found(folder):
    path = folder / "model-00002-of-00003.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert "model-00002-of-00003.safetensors is not what was written" in (step_folder.fault(folder) or "")
    with pytest.raises(UserError, match="checksum differs"):
        step_folder.read_weights(folder)


def test_a_missing_file_is_found(folder):
    (folder / "model-00003-of-00003.safetensors").unlink()
    assert "FileNotFoundError" in (step_folder.fault(folder) or "")
    state = json.loads((folder / "state.json").read_text())
    with pytest.raises(ValueError, match="only 2 of the 3 files"):
        stored_tensors.names_of_table("model.safetensors", [name for name in state["files"] if "3-of" not in name])


def test_rows_that_are_missing_are_found(folder):
    with pytest.raises(ValueError, match="rows of matrix are missing"):
        StoredTensors([folder / "model-00001-of-00003.safetensors", folder / "model-00003-of-00003.safetensors"])
    with pytest.raises(ValueError, match="has 3 of 7 rows"):
        StoredTensors([folder / "model-00001-of-00003.safetensors"])
    with pytest.raises(ValueError, match="missing or there twice"):
        StoredTensors([folder / "model-00001-of-00003.safetensors"] * 2)


def test_metadata_of_another_type_is_refused(tmp_path):
    safetensors.torch.save_file({"a": torch.ones(2)}, tmp_path / "file", {"rows": '{"a": "b"}'})
    with pytest.raises(ValueError, match="rows"):
        StoredTensors([tmp_path / "file"])


def test_if_one_rank_cannot_write_nothing_is_left(tmp_path, monkeypatch):
    def write(path, tensors):
        if "00002-of" in path.name:
            raise OSError(28, "No space left on device", str(path))
        original(path, tensors)

    original = stored_tensors.write
    monkeypatch.setattr(stored_tensors, "write", write)
    found = write_together(tmp_path, [rows_of(index) for index in range(COUNT)])
    assert all(isinstance(outcome, OSError) and outcome.errno == 28 for outcome in found)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_went_to_another_disk_is_found(tmp_path):
    described = {"model-00002-of-00002.safetensors": step_folder.StoredFile(3, "0" * 64)}
    with pytest.raises(OSError, match="all nodes must mount the run folder"):
        step_folder._check_visible(tmp_path, described)
