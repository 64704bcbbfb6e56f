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
    with pytest.warns(UserWarning, match="passed over"):
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
