"""How long a command takes to answer: this checkout and an earlier commit, side by side.

    python benchmarks/bench_startup.py [--baseline=COMMIT] [--repeats=N]

`--help` and a usage error of every command, and `wet_to_c4` on a WET file of six pages. The commit is checked out into
a temporary folder, and both run in turns with the same Python and packages. A figure is the least of the repeats,
because other load on the machine can only increase it. CPU seconds are those of all processes of the command. The text
shards of both are compared byte by byte.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.turns import TREE, checkout, children_seconds
from c4pipe.demo.pack_crawl import wet_record

BASELINE = "70691f5"
COMMANDS = [
    *(f"pipelines.{path.stem}" for path in sorted((TREE / "pipelines").glob("[a-z]*.py"))),
    *(f"model.{path.stem}" for path in sorted((TREE / "model").glob("[a-z]*.py")) if path.stem != "run_ranks"),
    "c4pipe.inspect_shard",
]
NUM_PAGES = 6
HERE = "here"


@dataclass
class Cost:
    """The least seconds of the runs so far."""

    wall: float = field(default=float("inf"))
    cpu: float = field(default=float("inf"))

    def add(self, wall: float, cpu: float) -> None:
        self.wall, self.cpu = min(self.wall, wall), min(self.cpu, cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baseline", default=BASELINE, metavar="COMMIT", help="what to compare with")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each command")
    parser.add_argument("--only", default="", metavar="WORD", help="rows with this word in their title")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as work, checkout(flags.baseline) as before:
        trees = {flags.baseline: before, HERE: TREE}
        found = measure(trees, Path(work), flags.repeats, flags.only)
    print(table(found, flags.baseline))


def measure(trees: Mapping[str, Path], work: Path, repeats: int, only: str) -> dict[str, dict[str, Cost]]:
    """What each command cost, by commit."""
    wet = write_wet(work / "wet")
    found: dict[str, dict[str, Cost]] = {}
    for _ in range(repeats):
        for title, flags, status in asked(wet, trees.values()):
            if only not in title:
                continue
            for name, tree in trees.items():
                output = work / f"c4-{name}"
                flags_here = [flag.replace("OUTPUT", str(output)) for flag in flags]
                subprocess.run(["rm", "-rf", str(output)], check=True)
                cost = found.setdefault(title, {}).setdefault(name, Cost())
                cost.add(*timed([sys.executable, "-m", *flags_here], tree, status))
    outputs = [work / f"c4-{name}" for name in trees]
    if all(map(Path.exists, outputs)):
        assert len(set(map(digest, outputs))) == 1, "the shards of the two differ"
    return found


def asked(wet: Path, trees: Iterable[Path]) -> Iterator[tuple[str, Sequence[str], int]]:
    """(title, the module and its flags, the status that it must end with)."""
    trees = list(trees)
    for command in COMMANDS:
        if not all((tree / command.replace(".", "/")).with_suffix(".py").exists() for tree in trees):
            continue  # a command that is newer than the baseline
        yield f"{command} --help", [command, "--help"], 0
        yield f"{command} --no_such_flag", [command, "--no_such_flag"], 2
    flags = [f"--input={wet}", "--output=OUTPUT", "--variant=en.noblocklist", "--sentence_model=bundled"]
    yield f"pipelines.wet_to_c4, {NUM_PAGES} pages", ["pipelines.wet_to_c4", *flags], 0


def timed(command: Sequence[str], tree: Path, status: int) -> tuple[float, float]:
    """(wall seconds, CPU seconds of the process and those that it started)."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    start, before = time.monotonic(), children_seconds()
    ended = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    after, wall = children_seconds(), time.monotonic() - start
    assert ended.returncode == status, ended.stderr
    return wall, after - before


def write_wet(folder: Path) -> Path:
    """A WET file of some pages that C4 keeps."""
    folder.mkdir()
    path = folder / "CC-MAIN-20240518000000-20240518010000-00000.warc.wet.gz"
    with open(path, "wb") as wet:
        for number in range(NUM_PAGES):
            line = f"Page {number} tells, in line {{}}, of the harbour and of the ships that come in at night."
            url, date = f"https://harbour.example.org/{number}.html", f"2024-05-18T0{number}:00:00Z"
            headers = {"WARC-Target-URI": url, "WARC-Date": date, "Content-Type": "text/plain"}
            wet.write(wet_record("conversion", headers, "\n".join(line.format(row) for row in range(8)).encode()))
    return path


def digest(folder: Path) -> str:
    """SHA-256 of the names and bytes of the text shards and their provenance."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*-of-*")):
        if path.is_file() and path.parent.name != "_keys":  # which earlier commits did not write
            found.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def table(found: Mapping[str, Mapping[str, Cost]], baseline: str) -> str:
    """A row per command: seconds of the baseline and of this checkout, and the share that is left."""
    width = max(map(len, found))
    lines = [f"{'':<{width}}  wall s: {baseline}   here  share   CPU s: {baseline}   here  share"]
    for title, costs in found.items():
        before, now = costs[baseline], costs[HERE]
        pairs = [(before.wall, now.wall), (before.cpu, now.cpu)]
        cells = [f"{earlier:>15.2f} {later:>6.2f} {later / earlier:>6.0%}" for earlier, later in pairs]
        lines.append(f"{title:<{width}}  {'  '.join(cells)}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
