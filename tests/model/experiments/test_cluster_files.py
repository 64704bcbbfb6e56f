"""The files for clusters: `make` runs the Makefile, and a stand-in for `sbatch` runs the script for Slurm."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from model.experiments import cluster_files
from model.experiments.graph import Node

# Runs the tasks of an array one after the other, and prints a number.
SBATCH = """#!/bin/bash
set -e
echo "$@" >> "$CALLS"
for argument in "$@"; do
  case "$argument" in --array=1-*) last="${argument#--array=1-}" ;; esac
  command="$argument"
done
for task in $(seq "$last"); do SLURM_ARRAY_TASK_ID="$task" bash -c "$command" >> "$OUTPUT"; done
wc -l < "$CALLS"
"""


@pytest.fixture
def nodes(tmp_path) -> list[Node]:
    """Two nodes that a third one needs; each prints the help of its command, and has its record already."""
    made = [
        Node("a", "evaluate", ("--help",), str(tmp_path / "a"), (), "a"),
        Node("b", "finetune", ("--help",), str(tmp_path / "b"), ("finished-before",), "b"),
        Node("c", "pretrain", ("--help",), str(tmp_path / "c"), ("a", "b"), "c"),
    ]
    for node in made:
        Path(node.folder).mkdir()
        (Path(node.folder) / node.record).write_text('{\n "status": "finished"\n}')
    return made


PAGE = [sys.executable, "-c", "print('the $HOME of the page')"]


def here(monkeypatch, tmp_path) -> Path:
    """A folder for the files; commands run in the root of the checkout."""
    monkeypatch.chdir(Path(__file__).parents[3])
    output = tmp_path / "a folder"
    output.mkdir()
    return output


def test_make_runs_the_makefile_and_continues(nodes, tmp_path, monkeypatch):
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    output = here(monkeypatch, tmp_path)
    assert cluster_files.write("makefile", output, nodes, PAGE) == ["search.mk"]
    command = ["make", "-C", str(output), "-f", "search.mk"]
    first = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert first.index("model.evaluate") < first.index("model.pretrain") and "the $HOME of the page" in first
    assert "python -m model.finetune" in (output / "logs" / "b.log").read_text()
    again = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "model.pretrain" not in again and "the $HOME of the page" in again


def test_a_command_that_was_told_to_stop_is_not_done(nodes, tmp_path, monkeypatch):
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    output = here(monkeypatch, tmp_path)
    (Path(nodes[1].folder) / "run.json").write_text('{\n "status": "running"\n}')
    cluster_files.write("makefile", output, nodes[1:2], PAGE)
    assert subprocess.run(["make", "-C", str(output), "-f", "search.mk"], capture_output=True).returncode != 0
    assert not (output / "logs" / "b.done").exists()


def test_slurm_gets_an_array_per_level(nodes, tmp_path, monkeypatch):
    output = here(monkeypatch, tmp_path)
    assert cluster_files.write("slurm", output, nodes, PAGE) == [
        *("search_slurm.sh", "level-1.txt", "level-2.txt", "page.txt"),
    ]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sbatch").write_text(SBATCH)
    (tmp_path / "bin" / "sbatch").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "OUTPUT": str(tmp_path / "output"),
    }
    command = ["bash", str(output / "search_slurm.sh"), "--gres=gpu:1"]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == 3 and all("--gres=gpu:1" in call for call in calls)
    assert "--array=1-2" in calls[0] and "--dependency" not in calls[0]
    assert "--array=1-1 --dependency=afterok:1" in calls[1] and "--dependency=afterok:2" in calls[2]
    printed = (tmp_path / "output").read_text()
    assert printed.index("model.evaluate") < printed.index("model.pretrain") < printed.index("the $HOME of the page")
