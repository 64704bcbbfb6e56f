"""Run every Beam pipeline on distributed engines on this machine, and compare each output file with the local run.

    python -m tools.engines.run [--engines=prism,flink,spark] [--work=.engines/run] [--wet=GLOB]

Engines are downloaded, started, and stopped at the end. If something is missing for an engine, a line says so, and the
engine is left out.
"""

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from c4pipe.command_line import EXIT_USER_ERROR, Parser, run
from c4pipe.errors import UserError
from tools.engines import chain, fetched, prism
from tools.engines.flink.cluster import Cluster as FlinkCluster
from tools.engines.servers import Servers
from tools.engines.spark.cluster import Cluster as SparkCluster

ENGINES: dict[str, Callable[[Servers, Path], list[str]]] = {
    "prism": lambda servers, folder: prism.start(servers),
    "flink": lambda servers, folder: FlinkCluster(servers, folder).start(),
    "spark": lambda servers, folder: SparkCluster(servers, folder).start(),
}


def parser() -> Parser:
    parser = Parser(prog="python -m tools.engines.run", description=__doc__)
    parser.add_argument("--engines", default=",".join(ENGINES), help="engines, separated by commas")
    parser.add_argument("--work", default=str(fetched.FOLDER / "run"), help="folder for logs and outputs")
    parser.add_argument("--wet", help="glob of WET files (default: a crawl is made from Python's documentation)")
    parser.add_argument("--only", help="run only these pipelines, separated by commas")
    return parser


def main(argv: list[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    names = flags.engines.split(",")
    if unknown := set(names) - set(ENGINES):
        raise UserError(f"unknown engine {min(unknown)!r}; there are {', '.join(ENGINES)}")
    work = Path(flags.work).absolute()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    inputs = chain.make_inputs(work)
    if flags.wet:
        inputs = replace(inputs, wet=flags.wet)
    wanted = flags.only.split(",") if flags.only else None
    try:
        local = _run_all(inputs, work / "local", [], wanted)
    except RuntimeError as error:
        raise UserError(f"the local run failed: {error}") from error
    faults = []
    for name in names:
        try:
            with Servers(work / name / "servers") as servers:
                engine_flags = ENGINES[name](servers, work / name / "servers")
                seconds = _run_all(inputs, work / name, engine_flags, wanted)
        except fetched.Missing as missing:
            print(f"left out: {missing}", flush=True)
            faults.append(name)
            continue
        except RuntimeError as error:
            print(f"{name}: FAILED: {error}", flush=True)
            faults.append(name)
            continue
        faults += _compare(name, work, seconds, local)
    return EXIT_USER_ERROR if faults else 0


def _run_all(inputs: chain.Inputs, output: Path, flags: list[str], wanted: list[str] | None) -> dict[str, float]:
    """Run the commands. Returns: the seconds of each, by its folder."""
    output.mkdir(parents=True, exist_ok=True)
    return {
        command.folder: chain.execute(command, output, flags, output / "log")
        for command in chain.runs(inputs, output)
        if wanted is None or command.module in wanted
    }


def _compare(name: str, work: Path, seconds: dict[str, float], local: dict[str, float]) -> list[str]:
    """Print a row per command. Returns: the folders of commands whose files differ."""
    faults = []
    for folder in seconds:
        ours, expected = chain.digests(work / name / folder), chain.digests(work / "local" / folder)
        different = chain.differences(ours, expected)
        verdict = f"OTHER BYTES: {', '.join(different[:5])}" if different else f"{len(ours)} files, the same bytes"
        print(f"{name:8} {folder:14} {seconds[folder]:6.0f} s (local {local[folder]:.0f} s)  {verdict}", flush=True)
        faults += [folder] if different else []
    return faults


if __name__ == "__main__":
    sys.exit(run(main))
