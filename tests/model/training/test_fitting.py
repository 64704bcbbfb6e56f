"""A run that cannot fit is refused before its model is made."""

import pytest

from c4pipe.errors import UserError
from model import pretrain
from model.actions import pretrain as pretraining
from model.architectures.presets import preset
from model.training import fitting
from model.training.ranks.world import World
from model.training.settings import TrainingSettings


def test_pretraining_refuses_before_anything_is_allocated(example_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "free_bytes", lambda device: 24e9)
    monkeypatch.setattr(pretraining, "place_model", lambda *arguments, **names: pytest.fail("the model was made"))
    with pytest.raises(UserError, match=r"GB are free; .*use a smaller preset"):
        pretrain.main(
            [f"--examples={example_folder}", f"--output={tmp_path / 'run'}", "--preset=t5_11b", "--device=cpu"]
        )
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.parametrize("accumulation, rows", [(0, 1), (1, 64), (5, 13)])
def test_the_micro_batch_is_what_the_flags_say(accumulation, rows):
    import torch

    settings = TrainingSettings(batch_size=128, gradient_accumulation=accumulation)
    assert fitting.training_of(settings, torch.device("cpu"), 2, 512, 114).rows == rows


def test_what_fits_passes():
    world = World.join(device="cpu")
    try:
        fitting.refuse_what_cannot_fit(
            preset("t5_tiny"), TrainingSettings(batch_size=2), world, inputs_length=24, targets_length=12
        )
    finally:
        world.leave()
