"""The search: every built-in plan says what it would run; a search that is killed and continued gives the same page."""

import csv
import html
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from c4pipe.errors import UserError
from model.experiments.plan import PLANS, open_plan, text_of_ours
from model.experiments.tables import escaped
from model.search import main

ROOT = Path(__file__).parents[2]
SEED = int(os.environ.get("C4PIPE_DRILL_SEED") or random.SystemRandom().randrange(1 << 32))
KILLS, LONGEST_DELAY_SECONDS = 5, 2.0
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
    return write_corpus(tmp_path_factory.mktemp("corpus"), 0)


def write_corpus(folder: Path, seed: int) -> Path:
    """60 pages of the words of `task_folder`."""
    path = folder / "pages.jsonl"
    words = ["a film", "this plot", "that was good", "it was bad", "the actor", "of the scene"]
    draw = random.Random(seed)
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


@pytest.mark.parametrize(("scale", "is_said"), [("mini", True), ("tiny", False)])
def test_half_of_one_layer_is_said_before_it_runs(corpus_file, wide_task_folder, tmp_path, capsys, scale, is_said):
    given = flags(corpus_file, wide_task_folder, tmp_path / "out", "--plan=table2", f"--scale={scale}", "--dry_run")
    assert main(given) == 0
    note = "note: Enc-dec, 6 layers, denoising; Enc-dec, 6 layers, LM: t5_v1_1_mini has one layer per stack, so"
    assert (note in capsys.readouterr().out) == is_said


# Appended to a plan. The vocabulary has ten sentinels, and half of the tokens are corrupted in one row.
SMOKE = """
[scale]
preset = "t5_v1_1_mini"
inputs_length = 16
replicas = 1
seeds = 1
baseline_seeds = 2
validation_examples = 4

[scale.pretrain]
steps = {steps}
batch_size = {batch_size}
evaluate_every = {steps}
checkpoint_every = {steps}
log_every = {steps}

[scale.finetune]
steps = 4
batch_size = 4
evaluate_every = 2
checkpoint_every = 2
log_every = 1
"""


@pytest.fixture(scope="module")
def corpora(tmp_path_factory) -> dict[str, Path]:
    """Small corpora that differ, under all names of table 8."""
    names = dict.fromkeys(row.corpus for row in open_plan("table8").rows)
    return {name: write_corpus(tmp_path_factory.mktemp(name), number) for number, name in enumerate(names)}


@pytest.fixture(scope="module")
def shared_runs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.mark.slow
@pytest.mark.usefixtures("search_in_one_process")
@pytest.mark.parametrize("name", PLANS)
def test_each_table_runs_at_a_scale_of_minutes(corpora, task_folder, shared_runs, tmp_path, capfd, name):
    plan = tmp_path / f"{name}.toml"
    # A row of table 9 sees one example 4,096 times.
    steps, batch_size = (32, 128) if name == "table9" else (4, 4)
    plan.write_text(text_of_ours(f"plans/{name}.toml") + SMOKE.format(steps=steps, batch_size=batch_size))
    rows = open_plan(str(plan)).rows
    given = [f"--corpus={corpus}={corpora[corpus]}" for corpus in dict.fromkeys(row.corpus for row in rows)]
    given += [f"--vocabulary={task_folder}", f"--tasks={task_folder}@sst2", f"--runs={shared_runs}", "--device=cpu"]
    output = tmp_path / "out"
    assert main([*given, f"--plan={plan}", f"--output={output}"]) == 0
    said = capfd.readouterr().out
    assert f"{len(rows) + 1} results of {len(rows)} rows, " in said and "left out" not in said
    results = list(csv.DictReader((output / "search.csv").read_text().splitlines()))
    assert [row.name for row in rows] == list(dict.fromkeys(result["row"] for result in results))
    page, latex = (output / "search.html").read_text(), (output / "search.tex").read_text()
    assert ("instead of half of them" in page) == (name == "table2")
    assert all(html.escape(row.name) in page and escaped(row.name) in latex for row in rows)
    assert main([*given, f"--plan={plan}", f"--output={output}", "--dry_run"]) == 0
    assert "would run nothing" in capfd.readouterr().out


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
def test_a_search_killed_at_five_random_moments_gives_the_same_page(corpus_file, task_folder, plan_file, tmp_path):
    """Each time, the search and all its commands are killed at once. The moments come from SEED, which is printed.

    Afterwards CSV and LaTeX are those of a search that was not killed, and the page differs only in times.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"

    def start(output: Path) -> subprocess.Popen:
        given = flags(corpus_file, task_folder, output, f"--plan={plan_file}", "--jobs=2")
        command = [sys.executable, "-m", "model.search", *given]
        with open(log_of(output), "w") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    process = start(whole)
    assert process.wait() == 0, log_of(whole).read_text()
    assert "4 results of 3 rows, 1 rows left out (no corpus other is given" in log_of(whole).read_text()
    chosen = random.Random(SEED)
    # A kill comes at a random place in each fifth of the files, and then a little later. The last files are left out,
    # because the search ends soon after them. Short delays are more frequent: a checkpoint is written in a moment.
    fifth = num_files(whole) * 0.85 / KILLS
    for kill in range(KILLS):
        number, delay = int(fifth * (kill + chosen.random())), LONGEST_DELAY_SECONDS * chosen.random() ** 3
        process = start(killed)
        while not (num_files(killed) >= number and " at once; logs in " in log_of(killed).read_text()):
            assert process.poll() is None, log_of(killed).read_text()
            time.sleep(0.02)
        time.sleep(delay)
        there = num_files(killed)
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, f"seed {SEED}: it ended before it was killed"
        print(f"seed {SEED}: killed {delay:.1f} s after it had {number} of {num_files(whole)} files; it had {there}")
    process = start(killed)
    assert process.wait() == 0, log_of(killed).read_text()
    for name in ("search.csv", "search.tex"):
        assert (killed / name).read_text() == (whole / name).read_text()
    assert without_times(killed) == without_times(whole)


def log_of(output: Path) -> Path:
    """What the last start of a search has printed."""
    return output.with_suffix(".log")


def num_files(folder: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


def without_times(output: Path) -> str:
    """The page without the times of pre-training and fine-tuning in its table of costs, the only times that it has."""
    page = (output / "search.html").read_text()
    before, heading, costs = page.partition("<h2>Cost</h2>")
    costs, end, after = costs.partition("</table>")
    assert heading and end
    without, number = re.subn(r">(\d+ min )?\d+ s<", "><", costs)
    assert number == 5
    return before + heading + without + end + after
