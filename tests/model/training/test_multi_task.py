"""Pre-training on tasks: supervised examples stream like any other, at the rates of a mixture."""

import json
from pathlib import Path

from model.pretrain import main


def test_pre_training_takes_a_mixture_of_tasks_and_validates_on_each(task_folder: Path, tmp_path: Path):
    flags = ["--preset=t5_tiny", "--steps=2", "--batch_size=8", "--gradient_accumulation=1", "--device=cpu", "--pack"]
    flags += ["--mixture=proportional", "--mixture_temperature=2", "--validation_examples=10"]
    assert main([f"--examples={task_folder}", f"--output={tmp_path}/run", *flags]) == 0
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [source["split"] for source in record["examples"]] == ["mine-train", "sst2-train"]
    assert [round(source["rate"], 4) for source in record["examples"]] == [0.4495, 0.5505]
    # Eight validation examples of `mine` are all there are: none of its training examples is held out instead.
    assert [source["held_out"] for source in record["examples"]] == [0, 0]
    assert record["validation"]["examples"] == 18
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert {key for key in lines[-1] if key.startswith("validation_loss/")} == {
        f"validation_loss/{task_folder.name}@mine",
        f"validation_loss/{task_folder.name}@sst2",
    }
