"""What `search` does after its flags are parsed."""

import argparse
import os
import sys
import time
from pathlib import Path

import torch

from c4pipe import machine
from c4pipe.command_line import stops_on_sigterm
from c4pipe.errors import UserError
from c4pipe.folders.lock import made_and_locked
from c4pipe.progress import duration
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.architectures.presets import preset
from model.checkpoints.opening import resolve_device
from model.experiments import cluster_files, page, running, tables
from model.experiments.derive import Derivation
from model.experiments.findings import Findings
from model.experiments.graph import EVALUATE, Graph, Node
from model.experiments.inputs import Inputs, corpora_in, find_columns, find_corpora
from model.experiments.plan import open_plan
from model.experiments.references import reference_scores
from model.experiments.results import read_results
from model.experiments.scale import open_scale
from model.experiments.search_setup import CSV_FILE, LATEX_FILE, PAGE_FILE, Setup, write_if_new
from model.training.computation import resolve_precision
from model.training.figures.throughput import estimated_seconds

_PAGE_SHARE = 100


def perform(arguments: argparse.Namespace) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    plan = open_plan(arguments.plan)
    device = {} if arguments.device == "auto" else {"device": arguments.device}
    changes = {**plan.scale}
    for part in ("pretrain", "finetune"):
        changes[part] = {**changes.get(part, {}), **device}
    scale = open_scale(arguments.scale, changes, arguments.plan)
    wanted = list(dict.fromkeys(row.corpus for row in plan.rows))
    given = [*(arguments.corpus or ()), *(corpora_in(arguments.corpora, wanted) if arguments.corpora else ())]
    corpora = find_corpora(given, wanted)
    missing = {
        row.name: f"no corpus {row.corpus} is given (--corpus={row.corpus}=SOURCE)"
        for row in plan.rows
        if row.corpus not in corpora
    }
    if len(missing) == len(plan.rows):
        raise UserError(f"no row can be run: {next(iter(missing.values()))}")
    vocabulary = Vocabulary.load(arguments.vocabulary)
    setup = Setup(
        plan=plan,
        scale=scale,
        inputs=Inputs(
            columns=find_columns(arguments.tasks, vocabulary, together=True),
            corpora=corpora,
            vocabulary=vocabulary,
            vocabulary_folder=arguments.vocabulary,
        ),
        config=None,
        missing=missing,
        output=Path(arguments.output),
        runs=arguments.runs or str(Path(arguments.output) / "runs"),
        seeds=arguments.seeds or scale.seeds,
        baseline_seeds=arguments.baseline_seeds or (arguments.seeds or scale.baseline_seeds),
        command=("model.search", *arguments.argv),
    )
    return carry_out(setup, arguments)


def carry_out(setup: Setup, arguments: argparse.Namespace) -> int:
    """Run a search, or only say or write what it would run. arguments: has jobs, device, dry_run and write."""
    began = time.monotonic()
    devices = _gpus(arguments.device)
    jobs = arguments.jobs or max(1, len(devices))
    graph = _graph(setup)
    setup.check_folder()
    if arguments.dry_run:
        print(_outlook(setup, graph, jobs, devices, arguments.device))
        return 0
    with made_and_locked(str(setup.output), setup.command[0].rpartition(".")[2]):
        setup.check_folder()
        setup.write_record()
        if arguments.write:
            print(_written(setup, graph, arguments.write))
            return 0
        failed = _run(setup, graph, jobs, devices)
        graph = _graph(setup)
        findings = _write_page(setup, graph)
    if failed:
        raise UserError(failed)
    print(_summary(findings))
    print(f"{_counts(findings)}, {duration(time.monotonic() - began)}; {setup.output / PAGE_FILE} written")
    return 0


def _graph(setup: Setup) -> Graph:
    derivation = Derivation(setup.plan, setup.scale, setup.inputs, setup.runs, setup.config)
    return derivation.graph(setup.seeds_of_rows())


def _run(setup: Setup, graph: Graph, jobs: int, devices: list[str]) -> str:
    """Run everything that is missing. Returns: the message about what failed; empty if nothing did."""
    processes = running.Processes(setup.output / "logs", jobs)
    early = _EarlyPage(setup)
    while todo := graph.unfinished():
        print(f"{graph.count(todo)} to do, {jobs} at once; logs in {setup.output / 'logs'}", file=sys.stderr)
        with stops_on_sigterm():
            failed = running.run(graph, processes, jobs=jobs, devices=devices, done=early.after, stop=processes.close)
        if failed:
            first = failed[0]
            return (
                f"{len(failed)} of {len(todo)} commands failed; the first: {first.kind} ({first.label}): "
                f"{processes.line(first).rstrip('.')}; its log is {processes.log(first)}; the same command tries again"
            )
        graph = _graph(setup)  # it has more nodes if learning rates were chosen meanwhile
    return ""


class _EarlyPage:
    """Writes the page while the search runs, for at most a hundredth of its time."""

    def __init__(self, setup: Setup) -> None:
        self._setup, self._next = setup, 0.0

    def after(self, node: Node) -> None:
        """Write the page after a node, if there is a new result and enough time has passed."""
        began = time.monotonic()
        if node.kind == EVALUATE and began >= self._next:
            _write_page(self._setup, _graph(self._setup))
            self._next = time.monotonic() + _PAGE_SHARE * (time.monotonic() - began)


def _write_page(setup: Setup, graph: Graph) -> Findings:
    results = tuple(read_results(graph, setup.inputs.columns))
    unfinished = len(graph.cells) + graph.deferred - len(results)
    notes = (*_same_runs(graph), *_not_halved(setup))
    findings = Findings(setup.plan, setup.inputs.columns, results, dict(setup.missing), unfinished, notes)
    references = reference_scores(setup.inputs.columns, setup.inputs.vocabulary) if setup.has_references else {}
    subtitle = f"{_counts(findings)}; {len(graph.nodes)} commands" + (
        f"; section {setup.plan.section} of the paper" if setup.plan.section else ""
    )
    write_if_new(setup.output / CSV_FILE, tables.to_csv(findings))
    write_if_new(setup.output / LATEX_FILE, tables.to_latex(findings))
    write_if_new(setup.output / PAGE_FILE, page.page(findings, references, setup.settings(), subtitle))
    return findings


def _same_runs(graph: Graph) -> tuple[str, ...]:
    """Sentences about rows that are the same runs, because the scale makes their settings equal."""
    rows: dict[str, list[str]] = {}
    for cell in graph.cells:
        rows.setdefault(cell.row, []).append(f"{cell.column} {cell.evaluate.name}")
    groups: dict[tuple[str, ...], list[str]] = {}
    for row, nodes in rows.items():
        groups.setdefault(tuple(nodes), []).append(row)
    return tuple(f"{'; '.join(group)} are the same runs at this scale" for group in groups.values() if len(group) > 1)


def _not_halved(setup: Setup) -> list[str]:
    """A sentence about the rows with half of the layers, if the scale's model has only one layer per stack."""
    rows = [row.name for row in setup.plan.rows if row.architecture == "encoder_decoder_half"]
    if not rows or setup.config is not None or preset(setup.scale.preset).num_layers > 1:
        return []
    why = f"{setup.scale.preset} has one layer per stack"
    return [f"{'; '.join(rows)}: {why}, so these rows have all of its layers instead of half of them"]


def _counts(findings: Findings) -> str:
    """How many results there are, in words, with all that is missing."""
    parts = [f"{len(findings.results)} results of {len(findings.rows)} rows"]
    if findings.unfinished:
        parts.append(f"{findings.unfinished} results missing")
    if findings.missing:
        parts.append(f"{len(findings.missing)} rows left out ({'; '.join(sorted(set(findings.missing.values())))})")
    return ", ".join(parts)


def _summary(findings: Findings) -> str:
    lines = []
    for column in findings.columns:
        cells = [f"{row.name} {findings.spread(row.name, column.name)}" for row in findings.rows]
        lines.append(f"{column.title}: {'; '.join(cells)}")
    return "\n".join(lines)


def _written(setup: Setup, graph: Graph, kind: str) -> str:
    words = list(setup.command)
    given = next(place for place, word in enumerate(words) if word.partition("=")[0] == "--write")
    del words[given : given + (1 if "=" in words[given] else 2)]
    page_command = [sys.executable, "-m", *words]
    todo = graph.unfinished()
    names = cluster_files.write(kind, setup.output, todo, page_command)
    later = (
        f"; {graph.deferred} results wait for the choice of a learning rate: write the files again when these are done"
        if graph.deferred
        else ""
    )
    return f"{graph.count(todo)} to do: {', '.join(str(setup.output / name) for name in names)} written{later}"


def _outlook(setup: Setup, graph: Graph, jobs: int, devices: list[str], device_name: str) -> str:
    """What `--dry_run` prints: the graph, and an estimate of time and disk."""
    todo = graph.unfinished()
    columns = ", ".join(column.title for column in setup.inputs.columns)
    lines = [
        f"{setup.plan.title}: {len(setup.seeds_of_rows())} rows x {len(setup.inputs.columns)} columns ({columns}), "
        f"{setup.seeds} seeds ({max(setup.seeds, setup.baseline_seeds)} of {setup.plan.baseline})"
    ]
    for node in graph.nodes.values():
        state = "finished" if node not in todo else "to do"
        after = f", after {', '.join(node.needs)}" if node.needs else ""
        lines.append(f"  {node.name} ({node.label}): {state}{after}")
    lines += [f"  not run: {name}, because {reason}" for name, reason in setup.missing.items()]
    lines += [f"  note: {note}" for note in _not_halved(setup)]
    if graph.deferred:
        lines.append(f"  {graph.deferred} results follow when the first seed has chosen the learning rate")
    flops = sum(node.flops for node in todo)
    device = resolve_device(device_name)
    seconds = estimated_seconds(flops, device, resolve_precision("auto", device)) / max(1, min(jobs, len(devices)))
    num_bytes = sum(node.num_bytes for node in todo)
    lines.append(
        f"would run {graph.count(todo)} into {setup.runs}; estimate: trainings of {flops:.3g} floating point "
        f"operations, about {duration(seconds)} here with {jobs} at once (making examples and decoding come on top); "
        f"about {num_bytes / 1e9:.2f} GB of disk, {machine.free_bytes(setup.runs) / 1e9:.2f} GB are free"
    )
    return "\n".join(lines)


def _gpus(device: str) -> list[str]:
    """The GPUs of this machine, as CUDA_VISIBLE_DEVICES names them; none if the CPU is asked for."""
    if device == "cpu" or not torch.cuda.is_available():
        return []
    chosen = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return chosen or [str(number) for number in range(torch.cuda.device_count())]
