"""The corpus chain for `en`: ours, the reference's functions, and datatrove, in one run on the same WET files.

    python benchmarks/bench_corpus.py [WET...] [--num_files=1] [--assets=DIR] [--peers_python=PYTHON]
                                      [--systems=reference,rules,command,command-2,datatrove] [--mix=cleaning:55,...]

WET: WET files. The default is the first file in ../shared/data/wet; if that folder does not exist, the demo's crawl of
documentation (without bad words, and with the bundled Punkt parameters). Systems:

    reference   the functions of tensorflow-datasets, one process, no Beam     corpus_chains/reference.py
    rules       our rules, one process, no Beam, no work files                 corpus_chains/c4pipe_rules.py
    command     `python -m pipelines.wet_to_c4` with one worker, from WET files to shards, without the time to start,
                which is measured by the same command on a single page; command-2 has two workers
    datatrove   reader, C4 filter, bad words, writer; no language, no lines    corpus_chains/datatrove_blocks.py

The peers need further packages (see their files); --peers_python is the interpreter of an environment that has them. A
peer that is missing is left out with a notice. `ratio` is pages per CPU second divided by those of the reference.
`same`: whether the kept URLs and texts are the same as the reference's, compared by md5.

The third table weights the cost of stages by the fate of pages, because a crawl has more menus and less English than
these files. --mix gives the shares of pages that cleaning drops, that are dropped for their language, and of others.
"""

import argparse
import gzip
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
CHAINS = Path(__file__).parent / "corpus_chains"
BUNDLED_PUNKT = ROOT / "c4pipe/corpus/sentences/bundled_punkt"
SYSTEMS = ("reference", "rules", "command", "command-2", "datatrove")
STAGES = ("parse", "urls", "clean", "lines", "language", "badwords", "write")
ONE_PAGE = (
    "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://example.org/\r\nWARC-Date: 2024-05-21T06:00:00Z\r\n"
    "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nOne\r\n\r\n"
)


@dataclass(frozen=True)
class Inputs:
    """The inputs of all systems. assets: None if Punkt and bad words are not available; then bad words are left out."""

    wet: list[Path]
    assets: Path | None
    peers_python: str

    @property
    def num_text_bytes(self) -> int:
        return sum(len(gzip.decompress(path.read_bytes())) for path in self.wet)

    @property
    def ours(self) -> list[str]:
        if self.assets is None:
            return ["--variant=en.noblocklist", "--sentence_model=bundled"]
        return ["--variant=en", f"--assets={self.assets}"]

    @property
    def peers(self) -> list[str]:
        if self.assets is None:
            return [f"--punkt={BUNDLED_PUNKT}"]
        return [f"--punkt={self.assets / 'punkt_tab/english'}", f"--badwords={self.assets / 'badwords/en'}"]


@dataclass
class Measured:
    """The use of a process and its children: wall and CPU seconds, peak memory of the largest, and its report."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    report: dict


def run(arguments: list[str]) -> Measured | None:
    """Run a command. If it fails, print the end of its output and return None."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(arguments, stdout=output, stderr=errors, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        output.seek(0)
        errors.seek(0)
        lines = output.read().decode().strip().splitlines()
        if process.returncode:
            messages = errors.read().decode(errors="replace").strip().splitlines()
            print(f"left out: {' '.join(arguments[:3])} ...: {messages[-1] if messages else 'failed'}", file=sys.stderr)
            return None
    report = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    scale = 1 if sys.platform == "darwin" else 1024
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale, report)


def choose_wets(given: list[Path], work: Path) -> list[Path]:
    """The given WET files, or those next to the project, or the demo's crawl, which is made below `work`."""
    wets = [path.resolve() for path in given] or sorted((SHARED / "data/wet").glob("*.wet.gz"))
    if not wets:
        run([sys.executable, "-m", "c4pipe.demo.pack_crawl", f"--output={work / 'crawl'}"])
        wets = sorted((work / "crawl").rglob("*.wet.gz"))
    return wets


def run_chain(name: str, inputs: Inputs) -> Measured | None:
    """Run a chain of `corpus_chains`. Its CPU seconds are those of its stages, without imports."""
    wets = [str(path) for path in inputs.wet]
    if name == "rules":
        measured = run([sys.executable, str(CHAINS / "c4pipe_rules.py"), *inputs.ours, *wets])
    else:
        script = {"reference": "reference.py", "datatrove": "datatrove_blocks.py"}[name]
        measured = run([inputs.peers_python, str(CHAINS / script), *inputs.peers, *wets])
    if measured is not None:
        stages = measured.report.get("stages")
        measured.cpu_seconds = sum(stages.values()) if stages else measured.report["seconds"]
    return measured


def run_command(num_workers: int, inputs: Inputs, work: Path) -> Measured | None:
    """Run `wet_to_c4` with a number of worker processes. Returns: its use without the time to start."""
    one_page = work / "one.warc.wet"
    one_page.write_text(ONE_PAGE)
    measured = []
    for name, wets in (("start", [one_page]), ("all", inputs.wet)):
        output = work / f"{name}-{num_workers}"
        command = [sys.executable, "-m", "pipelines.wet_to_c4", f"--input={','.join(map(str, wets))}"]
        measured.append(run([*command, f"--output={output}", *inputs.ours, f"--direct_num_workers={num_workers}"]))
        if measured[-1] is None:
            return None
    start, whole = measured
    assert start is not None and whole is not None
    manifest = json.loads((work / f"all-{num_workers}/manifest.json").read_text())
    kept = sum(shard["rows"] for shards in manifest["splits"].values() for shard in shards)
    for name in ("start", "all"):
        shutil.rmtree(work / f"{name}-{num_workers}")
    cpu = whole.cpu_seconds - start.cpu_seconds
    return Measured(whole.seconds - start.seconds, cpu, whole.peak_bytes, {"kept": kept, "start": start.seconds})


def whole_table(found: dict[str, Measured], num_pages: int, num_bytes: int) -> str:
    lines = [
        f"{'':10} {'pages/CPU s':>12} {'MB/CPU s':>9} {'CPU s':>8} {'wall s':>8} {'peak MB':>8} {'ratio':>6} "
        f"{'kept':>7}  same"
    ]
    reference = found.get("reference")
    for name, measured in found.items():
        ratio = f"{reference.cpu_seconds / measured.cpu_seconds:6.1f}" if reference else f"{'':6}"
        same = ""
        if reference and "md5" in measured.report:
            same = "yes" if measured.report["md5"] == reference.report["md5"] else "NO"
        lines.append(
            f"{name:10} {num_pages / measured.cpu_seconds:12,.0f} {num_bytes / measured.cpu_seconds / 1e6:9.2f} "
            f"{measured.cpu_seconds:8.2f} {measured.seconds:8.2f} {measured.peak_bytes / 1e6:8,.0f} {ratio} "
            f"{measured.report['kept']:7,}  {same}"
        )
    return "\n".join(lines)


def stage_table(found: dict[str, Measured], num_pages: int) -> str:
    """Milliseconds per page (of all pages) and stage."""
    lines = [f"{'ms/page':10} " + " ".join(f"{stage:>9}" for stage in STAGES)]
    rows = {name: found[name].report["stages"] for name in ("reference", "rules") if name in found}
    for name, stages in rows.items():
        lines.append(f"{name:10} " + " ".join(f"{stages[stage] / num_pages * 1e3:9.3f}" for stage in STAGES))
    if len(rows) == 2:
        ratios = (rows["reference"][stage] / (rows["rules"][stage] or float("nan")) for stage in STAGES)
        lines.append(f"{'ratio':10} " + " ".join(f"{ratio:9.1f}" for ratio in ratios))
    return "\n".join(lines)


def mix_table(found: dict[str, Measured], mix: dict[str, float]) -> str:
    """Milliseconds per page for each fate, and for a crawl with this mix of fates."""
    lines = [f"{'ms/page':10} " + " ".join(f"{fate:>14}" for fate in mix) + f" {'mixed':>9} {'pages/CPU s':>12}"]
    mixed = {}
    for name in ("reference", "rules"):
        if name not in found:
            continue
        fates = found[name].report["fates"]
        costs = {fate: sum(fates[fate]["seconds"].values()) / max(fates[fate]["pages"], 1) * 1e3 for fate in mix}
        mixed[name] = sum(costs[fate] * share for fate, share in mix.items()) / sum(mix.values())
        cells = " ".join(f"{costs[fate]:14.3f}" for fate in mix)
        lines.append(f"{name:10} {cells} {mixed[name]:9.3f} {1e3 / mixed[name]:12,.0f}")
    if len(mixed) == 2:
        lines.append(f"ratio {mixed['reference'] / mixed['rules']:.1f}")
    return "\n".join(lines)


def parse_mix(text: str) -> dict[str, float]:
    mix = {name: float(share) for name, _, share in (part.partition(":") for part in text.split(","))}
    if set(mix) != {"cleaning", "language", "other"}:
        raise argparse.ArgumentTypeError("a mix is cleaning:PERCENT,language:PERCENT,other:PERCENT")
    return mix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wet", nargs="*", type=Path)
    parser.add_argument("--num_files", type=int, default=1, help="number of files; 0: all")
    parser.add_argument("--assets", type=Path, default=SHARED / "assets" if (SHARED / "assets").is_dir() else None)
    parser.add_argument("--peers_python", default=sys.executable)
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--mix", type=parse_mix, default="cleaning:55,language:30,other:15")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        wets = choose_wets(flags.wet, work)
        inputs = Inputs(wets[: flags.num_files or None], flags.assets, flags.peers_python)
        found: dict[str, Measured] = {}
        for name in flags.systems.split(","):
            if name.startswith("command"):
                measured = run_command(int(name.partition("-")[2] or 1), inputs, work)
            else:
                measured = run_chain(name, inputs)
            if measured is not None:
                found[name] = measured
        if "rules" not in found:
            sys.exit("our own rules did not run; nothing to compare")
        num_pages, num_bytes = found["rules"].report["pages"], inputs.num_text_bytes
        print(f"{num_pages:,} pages, {num_bytes / 1e6:.1f} MB of WET text, {len(inputs.wet)} files")
        print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores\n")
        print(whole_table(found, num_pages, num_bytes), end="\n\n")
        print(stage_table(found, num_pages), end="\n\n")
        print(f"mix: {', '.join(f'{fate} {share:g}%' for fate, share in flags.mix.items())}")
        print(mix_table(found, flags.mix))


if __name__ == "__main__":
    main()
