"""`evaluate --overwrite` killed with -9 at each step never leaves metrics and predictions of different evaluations."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from c4pipe.errors import UserError
from model.evaluate import main

# The command again and again, each time in a copy of the folder and in a process of its own, which kills itself with
# -9 before its first change of a file, its second, ...; until it comes to its end. Prints the number of kills.
KILLED = """
import os, shutil, signal, sys
from c4pipe.shards import files
from model import evaluate

finished, arguments = sys.argv[1], sys.argv[2:]

def run(number):
    changes = 0
    def dying(change):
        def changed(*values):
            nonlocal changes
            if changes == number:
                os.kill(os.getpid(), signal.SIGKILL)
            changes += 1
            return change(*values)
        return changed
    files.write_bytes, files.remove = dying(files.write_bytes), dying(files.remove)
    evaluate.main([*arguments, f"--output={finished}-{number}"])

for number in range(100):
    shutil.copytree(finished, f"{finished}-{number}")
    child = os.fork()
    if child == 0:
        run(number)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status == 0:
        print(number)
        break
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, status
"""
FILES = ["metrics.json", "predictions.jsonl"]


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_a_killed_evaluation_leaves_no_mixed_folder_and_is_continued(base_run, task_folder, tmp_path, capsys):
    finished = tmp_path / "out"
    arguments = [f"--checkpoint={base_run}", f"--tasks={task_folder}", "--device=cpu", "--max_examples=2"]
    assert main([*arguments, "--max_length=2", f"--output={finished}"]) == 0
    first, other = contents(finished), [*arguments, "--max_length=3"]
    command = [sys.executable, "-c", KILLED, str(finished), *other, "--overwrite"]
    killing = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    assert killing.returncode == 0, killing.stderr
    num_kills = int(killing.stdout.splitlines()[-1])
    second = contents(Path(f"{finished}-{num_kills}"))
    assert num_kills >= 6 and json.loads(second["metrics.json"])["settings"]["max_length"] == 3

    num_between = 0
    for number in range(num_kills):
        folder = Path(f"{finished}-{number}")
        left = contents(folder)
        if left == first:
            with pytest.raises(UserError, match=r"has another result .*--overwrite"):
                main([*other, f"--output={folder}"])
            continue
        if "metrics.json" in left:
            # Killed after the metrics were written: both are of the second evaluation.
            assert left["predictions.jsonl"] == second["predictions.jsonl"]
        num_between += left == {"predictions.jsonl": second["predictions.jsonl"]}
        assert main([*other, "--overwrite", f"--output={folder}"]) == 0  # the same command
        assert json.loads((folder / "metrics.json").read_text())["settings"]["max_length"] == 3
        assert contents(folder)["predictions.jsonl"] == second["predictions.jsonl"]
        assert sorted(path.name for path in folder.iterdir()) == FILES
        shutil.rmtree(folder)
    assert num_between >= 1  # the moment between the two files was among them
