import json
import os

import pytest
import torch

from c4pipe.errors import UserError
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.checkpoints import step_folder
from model.checkpoints.loading import find_checkpoint, load_checkpoint, split_name
from model.checkpoints.run_folder import RunFolder
from model.checkpoints.step_folder import State

SMALL = ModelConfig(vocabulary_size=128, d_model=16, d_ff=32, d_kv=8, num_heads=2, num_layers=1)


@pytest.fixture
def run(tmp_path) -> RunFolder:
    """Checkpoints of the steps 10, 20 and 30; the second has the best loss, the last was not evaluated."""
    folder = RunFolder(str(tmp_path / "run"))
    folder.path.mkdir()
    folder.write({"status": "running", "model": SMALL.to_json(), "num_extra_ids": 10})
    metrics = {10: {"validation_loss": 3.0}, 20: {"validation_loss": 2.0}, 30: {}}
    for step, values in metrics.items():
        weights = dict(build_model(SMALL, seed=step).named_parameters())
        step_folder.write(folder.checkpoints, State(step, step * 8, values), weights, {"a/slot": torch.ones(2)})
    return folder


@pytest.mark.parametrize(("which", "step"), [("", 20), ("@best", 20), ("@last", 30), ("@10", 10)])
def test_a_name_says_which_checkpoint(run, which, step):
    config, weights, vocabulary_folder = load_checkpoint(f"{run}{which}")
    assert config == SMALL and vocabulary_folder == str(run)
    expected = dict(build_model(SMALL, seed=step).named_parameters())
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    ("name", "says"), [("@40", "there are best, last and the steps 10, 20, 30"), ("@first", "no checkpoint 'first'")]
)
def test_a_checkpoint_that_is_not_there_is_the_users_error(run, name, says):
    with pytest.raises(UserError, match=says):
        find_checkpoint(f"{run}{name}")


def test_a_folder_without_a_run_is_the_users_error(tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        load_checkpoint(str(tmp_path))


def test_the_last_whole_checkpoint_is_taken_where_the_newest_is_cut(run):
    path = run.of_step(30) / step_folder.MODEL_FILE
    path.write_bytes(path.read_bytes()[:50])
    with pytest.warns(UserWarning, match="skipped"):
        assert find_checkpoint(f"{run}@last")[1].step == 20
    with pytest.raises(UserError, match="damaged"):
        find_checkpoint(f"{run}@30")


def test_nothing_in_a_checkpoint_is_code(run):
    names = sorted(path.name for path in run.of_step(10).iterdir())
    assert names == ["model.safetensors", "optimizer.safetensors", "state.json"]


def test_a_write_that_fails_leaves_the_checkpoint_that_was_there(run, monkeypatch):
    before = step_folder.read_weights(run.of_step(30))
    monkeypatch.setattr(step_folder.files, "write_bytes", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError):
        step_folder.write(run.checkpoints, State(30, 240), {"x": torch.zeros(3)}, {})
    after = step_folder.read_weights(run.of_step(30))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert step_folder.steps(run.checkpoints) == [10, 20, 30]
    assert not [path for path in run.checkpoints.iterdir() if "incomplete" in path.name]


def test_a_name_with_an_at_sign_that_exists_is_a_folder(tmp_path):
    (tmp_path / "runs@home").mkdir()
    assert split_name(str(tmp_path / "runs@home")) == (str(tmp_path / "runs@home"), "")
    assert split_name("runs@home/small@last") == ("runs@home/small", "last")


def flip(path, place=None):
    """One bit of a file, whose times stay."""
    status, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2 if place is None else place] ^= 16
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(("which", "step"), [("", 20), ("@best", 20), ("@last", 30), ("@10", 10)])
def test_a_flipped_bit_is_never_loaded(run, which, step):
    flip(run.of_step(step) / step_folder.MODEL_FILE, -5)
    if which == "@last":
        with pytest.warns(UserWarning, match="checksum"):
            assert find_checkpoint(f"{run}{which}")[1].step == 20
        return
    with pytest.raises(UserError, match="its checksum differs"):
        load_checkpoint(f"{run}{which}")


def test_a_flipped_bit_of_the_optimizer_is_never_loaded(run):
    flip(run.of_step(30) / step_folder.OPTIMIZER_FILE, -2)
    with pytest.raises(UserError, match="its checksum differs"):
        step_folder.read_optimizer(run.of_step(30))


def test_a_metric_that_was_changed_does_not_make_another_checkpoint_the_best(run):
    path = run.of_step(10) / step_folder.STATE_FILE
    path.write_text(path.read_text().replace("3.0", "1.0"))
    with pytest.warns(UserWarning, match="skipped: state.json is not what was written"):
        assert find_checkpoint(str(run))[1].step == 20


def test_a_state_of_an_earlier_version_has_no_checksum_of_its_own_and_is_read(run):
    path = run.of_step(10) / step_folder.STATE_FILE
    content = json.loads(path.read_text())
    del content["sha256"]
    path.write_text(json.dumps(content))
    assert step_folder.read_state(run.of_step(10)).metrics == {"validation_loss": 3.0}


ODD_STATES = {
    "a step as text": {"step": "10"},
    "another step": {"step": 11},
    "a negative step": {"step": -1},
    "files as a list": {"files": []},
    "a file elsewhere": {"files": {"../model.safetensors": {"bytes": 1, "sha256": "0" * 64}}},
    "a file without a digest": {"files": {"model.safetensors": {"bytes": 1}}},
    "metrics as text": {"metrics": {"validation_loss": "2"}},
    "a field of a later version": {"later": 1},
}


@pytest.mark.parametrize("what", ODD_STATES)
@pytest.mark.filterwarnings("ignore:the checkpoint:UserWarning")
def test_an_odd_state_is_one_line(run, what):
    path = run.of_step(10) / step_folder.STATE_FILE
    content = json.loads(path.read_text()) | ODD_STATES[what]
    del content["sha256"]
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="is damaged") as caught:
        load_checkpoint(f"{run}@10")
    assert "\n" not in str(caught.value)


ODD_RUNS = {
    "a list": [],
    "no model": {"status": "finished"},
    "a model that is text": {"model": "small"},
    "a size as text": {"model": {"d_model": "16"}},
    "a size that is not a number": {"model": {"dropout_rate": float("nan")}},
    "a size below zero": {"model": {"num_heads": -2}},
    "a billion layers": {"model": {"num_layers": 10**9}},
    "sizes of another model": {"model": SMALL.with_(d_ff=1 << 20).to_json()},
    "an unknown status": {"model": SMALL.to_json(), "status": "odd"},
    "extra ids as text": {"model": SMALL.to_json(), "num_extra_ids": "ten"},
    "settings as a list": {"model": SMALL.to_json(), "settings": []},
    "a metric without a direction": {"model": SMALL.to_json(), "best_metric": {"name": "loss"}},
}


@pytest.mark.parametrize("what", ODD_RUNS)
def test_an_odd_run_file_is_one_line(run, what):
    (run.path / "run.json").write_text(json.dumps(ODD_RUNS[what]))
    with pytest.raises(UserError) as caught:
        load_checkpoint(str(run))
    assert "\n" not in str(caught.value)
