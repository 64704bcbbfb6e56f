"""Writes a graph as a Makefile, or as a script that submits it to Slurm, instead of running it."""

import os
import shlex
import stat
import sys
from collections.abc import Sequence
from graphlib import TopologicalSorter
from pathlib import Path

from c4pipe.shards import files
from model.checkpoints.run_folder import FINISHED, RUN_FILE
from model.experiments.flags import MAKEFILE, SLURM
from model.experiments.graph import Node

NAMES = {MAKEFILE: "search.mk", SLURM: "search_slurm.sh"}
_SUBMIT = """#!/bin/bash
# Submits the search to Slurm: bash {name} [flags of sbatch, such as --gres=gpu:1 --time=12:00:00]
# Each line of a file level-N.txt is a task of an array. A level begins when all tasks of the level before have
# succeeded. A task that was requeued, or is submitted again, continues.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p logs
before=()
submit() {{ # file of commands, number of lines, name
  sbatch --parsable --requeue --job-name="$3" --output="logs/slurm-%x-%A-%a.log" --array="1-$2" "${{before[@]}}" \\
    "${{@:4}}" --wrap "sed -n \\"\\${{SLURM_ARRAY_TASK_ID}}p\\" $(printf %q "$PWD/$1") | bash -e"
}}
"""


def write(kind: str, output: Path, nodes: Sequence[Node], page: Sequence[str]) -> list[str]:
    """Write the files of a cluster into a folder. page: the command that writes the page at the end.

    Returns: their names; the first is the one to start.
    """
    written = _makefile(nodes, page) if kind == MAKEFILE else _slurm(nodes, page)
    for name, text in written.items():
        files.write_bytes(str(output / name), text.encode())
    if kind == SLURM:
        (output / NAMES[kind]).chmod((output / NAMES[kind]).stat().st_mode | stat.S_IXUSR)
    return list(written)


def _makefile(nodes: Sequence[Node], page: Sequence[str]) -> dict[str, str]:
    here = {node.name for node in nodes}
    lines = [
        f"# Runs the search: make -C FOLDER -f {NAMES[MAKEFILE]} -j JOBS. It continues after any stop.",
        ".DELETE_ON_ERROR:",
        ".PHONY: page",
        f"page: {' '.join(f'logs/{node.name}.done' for node in nodes)}",
        f"\t{_escaped(_shell(page))}",
    ]
    for node in nodes:
        needs = "".join(f" logs/{name}.done" for name in node.needs if name in here)
        command = _escaped(_checked(node))
        lines += [
            "",
            f"logs/{node.name}.done:{needs}",
            "\t@mkdir -p logs",
            f"\t({command}) >> logs/{node.name}.log 2>&1",
            "\t@touch $@",
        ]
    return {NAMES[MAKEFILE]: "\n".join(lines) + "\n"}


def _slurm(nodes: Sequence[Node], page: Sequence[str]) -> dict[str, str]:
    by_name = {node.name: node for node in nodes}
    sorter = TopologicalSorter({node.name: [need for need in node.needs if need in by_name] for node in nodes})
    sorter.prepare()
    levels: dict[str, str] = {}
    script = [_SUBMIT.format(name=NAMES[SLURM])]
    while sorter.is_active():
        names = sorted(sorter.get_ready(), key=list(by_name).index)
        sorter.done(*names)
        commands = [_checked(by_name[name]) for name in names]
        file = f"level-{len(levels) + 1}.txt"
        levels[file] = "\n".join(commands) + "\n"
        script.append(
            f'job=$(submit {file} {len(names)} search-{len(levels)} "$@")\nbefore=(--dependency="afterok:$job")'
        )
    levels["page.txt"] = _shell(page) + "\n"
    script.append('job=$(submit page.txt 1 search-page "$@")\necho "the page is written by job $job"')
    return {NAMES[SLURM]: "\n".join(script) + "\n", **levels}


def _checked(node: Node) -> str:
    """The command of a node, which fails if the node is not finished afterwards: a training that is told to stop saves
    a checkpoint and succeeds."""
    command = _shell((sys.executable, "-m", node.module, *node.flags))
    record = shlex.quote(str(Path(node.folder) / node.record))
    check = f'grep -q \'"status": "{FINISHED}"\' {record}' if node.record == RUN_FILE else f"test -f {record}"
    return f"{command} && {check}"


def _shell(command: Sequence[str]) -> str:
    """A command for a shell, in the present folder, where relative paths lead to the same files."""
    return f"cd {shlex.quote(os.getcwd())} && {shlex.join(command)}"


def _escaped(command: str) -> str:
    return command.replace("$", "$$")
