"""The graph of commands that a plan needs. Rows share what they have in common.

A node is one of our commands with its flags. The name of its folder has a digest of everything that the result depends
on: its flags, its inputs, and the nodes before it. So two rows, or two plans, that need the same have the same node.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c4pipe.shards import manifest
from model.checkpoints.run_folder import FINISHED, RUN_FILE, RunFolder

EXAMPLES, PRETRAIN, FINETUNE, EVALUATE = "examples", "pretrain", "finetune", "evaluate"
_MODULES = {
    EXAMPLES: "pipelines.c4_to_examples",
    PRETRAIN: "model.pretrain",
    FINETUNE: "model.finetune",
    EVALUATE: "model.evaluate",
}
METRICS_FILE = "metrics.json"
# The files that are written last. Trainings write their status into `run.json`.
_RECORDS = {EXAMPLES: manifest.FILE_NAME, EVALUATE: METRICS_FILE}


@dataclass(frozen=True)
class Node:
    """A command to run. flags: all of them. needs: the nodes before it. label: what it is for, in words.

    flops: of its training. num_bytes: about how much it writes.
    """

    name: str
    kind: str
    flags: tuple[str, ...]
    folder: str
    needs: tuple[str, ...]
    label: str
    flops: float = 0.0
    num_bytes: float = 0.0

    @property
    def module(self) -> str:
        return _MODULES[self.kind]

    @property
    def record(self) -> str:
        """The name of the file in its folder that tells whether it is finished."""
        return _RECORDS.get(self.kind, RUN_FILE)

    def is_finished(self) -> bool:
        """Whether its folder holds the whole result, as far as its record tells."""
        if not (Path(self.folder) / self.record).exists():
            return False
        return self.record != RUN_FILE or RunFolder(self.folder).read()["status"] == FINISHED


@dataclass(frozen=True)
class Cell:
    """A result of the table: a row, a column and a seed, with the nodes that lead to it.

    pretrain: None if the search starts from a checkpoint, or if the row trains from scratch. finetune: None for
    multi-task training. learning_rate: of fine-tuning; 0 for multi-task training.
    """

    row: str
    column: str
    seed: int
    learning_rate: float
    pretrain: Node | None
    finetune: Node | None
    evaluate: Node


@dataclass(frozen=True)
class Graph:
    """nodes: by name, each after those that it needs. cells: the results. deferred: how many results wait for the
    choice of a learning rate, whose nodes can only be named after the first seed has tried all rates."""

    nodes: Mapping[str, Node]
    cells: tuple[Cell, ...]
    deferred: int

    def unfinished(self) -> list[Node]:
        return [node for node in self.nodes.values() if not node.is_finished()]

    def count(self, nodes: Iterable[Node]) -> str:
        """How many nodes of each kind there are, in words."""
        counts: dict[str, int] = {}
        for node in nodes:
            counts[node.kind] = counts.get(node.kind, 0) + 1
        return ", ".join(f"{number} {kind}" for kind, number in counts.items()) or "nothing"


class Nodes:
    """Makes nodes, each only once.

    folder: in which every node has its folder. running: flags that do not change results, for the commands of the
    trainer; their values are not in digests.
    """

    def __init__(self, folder: str, running: Mapping[str, Any]) -> None:
        self.made: dict[str, Node] = {}
        self._folder, self._running = folder, running

    def add(
        self,
        kind: str,
        label: str,
        flags: Mapping[str, Any],
        *,
        paths: Mapping[str, str],
        inputs: Iterable[str],
        needs: Iterable[Node] = (),
        flops: float = 0.0,
        num_bytes: float = 0.0,
    ) -> Node:
        """A node. paths: flags that name folders; the digest has `inputs` and the names of `needs` instead."""
        before = tuple(node.name for node in needs)
        decides = {name: value for name, value in flags.items() if name not in self._running}
        content = json.dumps([kind, decides, sorted(inputs), before], sort_keys=True)
        name = f"{kind}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
        if name not in self.made:
            folder = str(Path(self._folder) / name)
            running = {} if kind == EXAMPLES else self._running
            if kind == EVALUATE:
                running = {flag: value for flag, value in running.items() if flag in ("device", "precision")}
            given = {**paths, "output": folder, **flags, **running}
            if kind in (PRETRAIN, FINETUNE):
                given["resume"] = True
            self.made[name] = Node(name, kind, _arguments(given), folder, before, label, flops, num_bytes)
        return self.made[name]


def _arguments(flags: Mapping[str, Any]) -> tuple[str, ...]:
    """
    >>> _arguments({"steps": 4, "resume": True, "compile": False, "repeat": None})
    ('--steps=4', '--resume')
    """
    given = {name: value for name, value in flags.items() if value is not None and value is not False}
    return tuple(f"--{name}" if value is True else f"--{name}={value}" for name, value in given.items())
