"""What is wrong with a run is said before its model is made; and how its batches are prepared."""

import json

import pytest

from c4pipe.errors import UserError
from model import finetune, pretrain
from model.actions import finetune as finetuning
from model.actions import pretrain as pretraining
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.data.packing import packed_batch
from model.data.trimming import coarsely_trimmed_batch, trimmed_batch
from model.training.computation import Computation
from model.training.launch import preparation
from model.training.ranks.world import World

SMALL = ModelConfig(vocabulary_size=128, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=1)


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


@pytest.mark.parametrize(
    "compiles, packs, wanted",
    [
        (False, False, trimmed_batch),
        (False, True, trimmed_batch),  # padding is left out on a CPU, so packing could only cost
        (True, False, coarsely_trimmed_batch),
        (True, True, packed_batch),
    ],
)
def test_batches_are_packed_only_where_padding_costs_time(compiles, packs, wanted):
    computation = Computation(build_model(SMALL), World(), compile=compiles)
    assert preparation(computation, pack=packs) is wanted
