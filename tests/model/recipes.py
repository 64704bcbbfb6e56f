"""The commands of docs/training.md for several nodes, made small enough for this machine."""

import os
import re
import sys
from pathlib import Path

from model.training.figures import metrics_log

ROOT = Path(__file__).parents[2]
# What each recipe becomes: a tiny model, two ranks per node, this machine's folders.
SMALL = (
    (r"--preset=\S+", "--preset=t5_v1_1_tiny"),
    (r"(--nproc_per_node|--ntasks-per-node|RANKS_PER_NODE)=8", r"\1=2"),
    (r" --gpus-per-node=8", ""),
)

MODULES = {"python": "", "torchrun": "-m torch.distributed.run"}


def recipe(beginning: str, *, examples: Path, run: Path, flags: str = "") -> str:
    """The command of docs/training.md that begins so, on one line. flags: added at its end."""
    page = re.sub(r" *\\\n *", " ", (ROOT / "docs" / "training.md").read_text())
    (found,) = re.findall(rf"^    ({re.escape(beginning)}.*)$", page, re.MULTILINE)
    for pattern, small in SMALL:
        found = re.sub(pattern, small, found)
    return f"{found.replace('/shared/examples', str(examples)).replace('/shared/run', str(run))} {flags}".strip()


def environment_with(programs: Path, **scripts: str) -> dict[str, str]:
    """An environment in which `python` and `torchrun` are those of this one. scripts: further programs, by name."""
    programs.mkdir(exist_ok=True)
    python = f'exec "{sys.executable}"'
    own = {
        "python": f'#!/bin/bash\n{python} "$@"\n',
        "torchrun": f'#!/bin/bash\n{python} -m torch.distributed.run "$@"\n',
    }
    for name, text in {**own, **scripts}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def losses(run: Path) -> list[float]:
    """The loss of each step of a run."""
    return [line["loss"] for line in metrics_log.read(run / "metrics.jsonl") if "loss" in line]
