"""Stand-ins for Slurm's `srun` and `scontrol` on this machine, and the scripts that call them."""

import os
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "tools" / "slurm"
# Starts the command once per node, as srun does with one task per node. It fails if a node fails.
SRUN = """#!/bin/bash
for ((node = 0; node < SLURM_JOB_NUM_NODES; node++)); do SLURM_PROCID=$node SLURM_NODEID=$node "$@" & nodes+=($!); done
for node in "${nodes[@]}"; do wait "$node" || exit; done
"""


def write_programs(folder: Path, nodes: tuple[str, ...]) -> str:
    """Write both programs. Returns: a PATH that has them."""
    folder.mkdir(exist_ok=True)
    listed = "".join(f"echo {node}\n" for node in nodes)
    for name, content in {"srun": SRUN, "scontrol": f"#!/bin/bash\n{listed}"}.items():
        (folder / name).write_text(content)
        (folder / name).chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def run_script(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run a script of tools/slurm, as Slurm does on the first node of a job."""
    return subprocess.run(
        ["bash", str(SCRIPTS / name), *arguments],
        env={**os.environ, **environment},
        cwd=SCRIPTS.parents[1],
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
