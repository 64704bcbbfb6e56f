"""Which checkpoint is the best if several have the same score."""

import torch

from model.checkpoints import step_folder
from model.checkpoints.run_folder import RunFolder
from model.checkpoints.step_folder import State


def best(tmp_path, *states: State) -> int:
    folder = RunFolder(str(tmp_path))
    for state in states:
        step_folder.write(folder.checkpoints, state, {"a": torch.zeros(1)}, None)
    return folder.best("score", higher_is_better=True).step


def test_of_equal_scores_the_lower_loss_is_the_best(tmp_path):
    losses = {1: 0.9, 2: 0.2, 3: 0.4}
    states = [State(step, step, {"score": 80.0}, {"mean_loss": loss}) for step, loss in losses.items()]
    assert best(tmp_path, *states, State(4, 4, {"score": 79.9}, {"mean_loss": 0.1})) == 2


def test_of_equal_losses_too_the_later_one_is(tmp_path):
    assert best(tmp_path, *(State(step, step, {"score": 0.0}) for step in (1, 2, 3))) == 3
