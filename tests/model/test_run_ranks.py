"""Several processes by our own launcher: a mistake ends in one line, as with one process."""

import subprocess
import sys
from pathlib import Path


def test_help_says_first_what_the_command_is():
    command = [sys.executable, "-m", "model.run_ranks", "--help"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("Start a command in several processes") and "--nproc" in done.stdout


def test_a_mistake_of_the_user_is_one_line(tmp_path):
    command = [sys.executable, "-m", "model.run_ranks", "--nproc_per_node=1", "--standalone", "-m", "model.pretrain"]
    done = subprocess.run(
        [*command, f"--examples={tmp_path}/nowhere", f"--output={tmp_path}/run", "--device=cpu"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert [line[:7] for line in done.stderr.splitlines()] == ["error: "]
