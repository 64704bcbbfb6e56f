"""What is wrong with a run is said before its model is made."""

import json

import pytest

from c4pipe.errors import UserError
from model import finetune, pretrain
from model.actions import finetune as finetuning
from model.actions import pretrain as pretraining


@pytest.mark.parametrize("command", ["pretrain", "finetune"])
def test_a_folder_that_is_not_free_is_refused_before_the_model_is_made(
    command, example_folder, task_folder, base_run, tmp_path, monkeypatch
):
    main, maker, flags = {
        "pretrain": (pretrain.main, (pretraining, "place_model"), [f"--examples={example_folder}"]),
        "finetune": (finetune.main, (finetuning, "start_model"), [f"--tasks={task_folder}"]),
    }[command]
    flags += ["--preset=t5_tiny"] if command == "pretrain" else [f"--checkpoint={base_run}"]
    flags += [f"--output={tmp_path}/run", "--steps=1", "--batch_size=8", "--gradient_accumulation=1", "--device=cpu"]
    assert main([*flags, "--validation_examples=0"]) == 0
    run_json = tmp_path / "run" / "run.json"
    run_json.write_text(json.dumps({**json.loads(run_json.read_text()), "status": "running"}))
    monkeypatch.setattr(*maker, lambda *arguments, **names: pytest.fail("the model was made"))
    with pytest.raises(UserError, match="continue it with --resume"):
        main([*flags, "--validation_examples=0"])
