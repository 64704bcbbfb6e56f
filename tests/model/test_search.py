"""The search: every built-in plan says what it would run; a search that is killed and continued gives the same page."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from c4pipe.errors import UserError
from model.experiments.plan import PLANS
from model.search import main

ROOT = Path(__file__).parents[2]
PLAN = """
title = "A very small plan"
baseline = "spans"

[scale]
inputs_length = 32
replicas = 2
seeds = 1
baseline_seeds = 2
validation_examples = 4

[scale.pretrain]
steps = 4
batch_size = 4
evaluate_every = 2
checkpoint_every = 1
log_every = 1
gradient_accumulation = 1

[scale.finetune]
steps = 4
batch_size = 4
evaluate_every = 2
checkpoint_every = 1
log_every = 1
gradient_accumulation = 1

[[rows]]
name = "spans"

[[rows]]
name = "repeated"
repeat = 4
method = "adapters"
adapter_size = 4
learning_rates = [0.1, 0.0001]

[[rows]]
name = "all at once"
mixture = "proportional"

[[rows]]
name = "other corpus"
corpus = "other"
"""


def flags(corpus_file: Path, task_folder: Path, output: Path, *more: str) -> list[str]:
    inputs = [f"--corpus={corpus_file}", f"--vocabulary={task_folder}", f"--tasks={task_folder}@sst2"]
    return [*inputs, f"--output={output}", "--device=cpu", *more]


@pytest.fixture(scope="module")
def corpus_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "pages.jsonl"
    words = ["a film", "this plot", "that was good", "it was bad", "the actor", "of the scene"]
    draw = random.Random(0)
    path.write_text("".join(f'{{"text": "{" ".join(draw.choices(words, k=30))}"}}\n' for _ in range(60)))
    return path


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "small.toml"
    path.write_text(PLAN)
    return path


@pytest.fixture(scope="module")
def wide_task_folder(task_folder, spiece_model, tmp_path_factory) -> Path:
    """`task_folder` with a vocabulary of 300 ids, which is enough for 256 sentinels; its shards are not read."""
    folder = tmp_path_factory.mktemp("wide") / "tasks"
    shutil.copytree(task_folder, folder)
    made = json.loads((folder / "manifest.json").read_text())
    made["settings"] |= {"vocabulary_size": 300, "num_extra_ids": 100}
    (folder / "manifest.json").write_text(json.dumps(made))
    (folder / "spiece.model").write_bytes(spiece_model)
    return folder


@pytest.mark.parametrize("name", PLANS)
def test_each_table_says_what_it_would_run(corpus_file, wide_task_folder, tmp_path, capsys, name):
    given = flags(corpus_file, wide_task_folder, tmp_path / "out")
    assert main([*given, f"--plan={name}", "--scale=base", "--dry_run"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"would run \d+ examples, \d+ pretrain.* estimate: trainings of .* GB of disk", printed)
    assert printed.startswith(f"Table {name.removeprefix('table')}: ") and not list(tmp_path.iterdir())
    assert ("no corpus wikipedia is given (--corpus=wikipedia=SOURCE)" in printed) == (name == "table8")


def test_mistakes_are_one_line(corpus_file, task_folder, wide_task_folder, tmp_path):
    given = flags(corpus_file, wide_task_folder, tmp_path / "out", "--plan=table9", "--dry_run")
    for more, says in (
        (["--plan=table3"], "unknown plan 'table3'"),
        (["--plan=missing.toml"], "missing.toml is not there"),
        (["--corpus=wiki=x"], "no row of the plan uses the corpus wiki"),
        (["--seeds=0"], "--seeds=0 must be at least 1"),
        (["--tasks=nowhere"], "nowhere has no manifest.json"),
        (["--vocabulary=nowhere"], "nowhere"),
        ([f"--vocabulary={task_folder}"], "was made with another vocabulary"),
    ):
        with pytest.raises(UserError, match=re.escape(says)) as caught:
            main([*given, *more])
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_plan_is_written_for_a_cluster(corpus_file, task_folder, plan_file, tmp_path, capsys):
    given = flags(corpus_file, task_folder, tmp_path / "out", f"--plan={plan_file}")
    assert main([*given, "--write=makefile"]) == 0
    assert "search.mk written; 1 results wait for the choice of a learning rate" in capsys.readouterr().out
    makefile = (tmp_path / "out" / "search.mk").read_text()
    assert makefile.count("-m pipelines.c4_to_examples") == 1 and "--write" not in makefile
    with pytest.raises(UserError, match=r"holds another search: its plan and its scale differ"):
        main([*flags(corpus_file, task_folder, tmp_path / "out", "--plan=table9"), "--write=slurm"])


@pytest.mark.slow
def test_a_search_that_is_killed_and_continued_gives_the_same_page(corpus_file, task_folder, plan_file, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

    def start(output: Path) -> subprocess.Popen:
        given = flags(corpus_file, task_folder, output, f"--plan={plan_file}", "--jobs=2")
        command = [sys.executable, "-m", "model.search", *given]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start(whole)
    printed, _ = process.communicate()
    assert process.returncode == 0, printed
    assert "4 results of 3 rows, 1 rows left out (no corpus other is given" in printed
    # It is killed five times, whenever it has written another sixth of the files.
    for number in range(1, 6):
        process = start(killed)
        while num_files(killed) < num_files(whole) * number // 6:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.kill()
        process.communicate()
    process = start(killed)
    printed, _ = process.communicate()
    assert process.returncode == 0, printed
    assert (killed / "search.csv").read_text() == (whole / "search.csv").read_text()
    assert without_times(killed) == without_times(whole)


def num_files(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


def without_times(output: Path) -> str:
    return re.sub(r"\d+ (h|min|s)\b", "", (output / "search.html").read_text())
