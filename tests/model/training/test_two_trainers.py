"""Two trainers do not share a run folder: no step is trained twice."""

import json
import subprocess
import sys

import pytest

from c4pipe.errors import UserError
from model import pretrain

# A trainer that has opened its folder and stands still before its first step.
STAND_STILL = """
import sys, time
from model import pretrain
from model.training.run import Run

opened = Run.open

def open_and_stand_still(run):
    opened(run)
    print("open", flush=True)
    time.sleep(3600)

Run.open = open_and_stand_still
pretrain.main(sys.argv[1:])
"""


def test_the_second_trainer_ends_with_one_line_and_a_killed_ones_run_goes_on(example_folder, tmp_path):
    flags = [f"--examples={example_folder}", f"--output={tmp_path}/run", "--preset=t5_tiny", "--steps=2"]
    flags += ["--batch_size=8", "--gradient_accumulation=1", "--device=cpu", "--validation_examples=0", "--log_every=1"]
    first = subprocess.Popen([sys.executable, "-c", STAND_STILL, *flags], stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout is not None and first.stdout.readline() == "open\n"
        for more in ([], ["--resume"]):
            with pytest.raises(UserError, match=f"in use by pretrain, process {first.pid} on .*, since 20"):
                pretrain.main([*flags, *more])
    finally:
        first.kill()
        first.wait()
    assert pretrain.main([*flags, "--resume"]) == 0
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 1, 2]
    assert not [path.name for path in (tmp_path / "run").iterdir() if path.name.startswith(".c4pipe")]


@pytest.mark.parametrize("name", ["spiece.model", "metrics.jsonl", "run.html"])
def test_a_users_file_of_a_runs_name_stays(example_folder, tmp_path, name):
    (tmp_path / name).write_text("mine")
    flags = [f"--examples={example_folder}", f"--output={tmp_path}", "--preset=t5_tiny", "--steps=1", "--batch_size=8"]
    with pytest.raises(UserError, match=f"no run of c4pipe has written there: {name}"):
        pretrain.main([*flags, "--device=cpu", "--resume"])
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]
