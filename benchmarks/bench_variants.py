"""Several variants of C4 from the same WET files: one command for all, against one command for each.

    python benchmarks/bench_variants.py --wet='wet/*.warc.wet.gz' --assets=assets [--before=COMMIT] [--repeats=1]

Each set of `SETS` is made in both ways, in turns, with one worker. CPU seconds are those of the whole commands; `en`
alone is the unit of the ratios. Every file of a corpus must have the same bytes in both ways, except for the times in
its report. --before: the separate commands are of that commit. webtextlike gets each tenth URL of `en`.
"""

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.turns import TREE, checkout
from tools.engines.chain import differences, digests

SETS = (
    ("en", "en.noblocklist"),
    ("en", "realnewslike"),
    ("en", "en.noclean"),
    ("en", "en.noblocklist", "en.noclean", "realnewslike", "webtextlike"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wet", required=True, help="glob of WET files")
    parser.add_argument("--assets", help="as the command's; without it they are downloaded")
    parser.add_argument("--before", help="commit whose command makes the corpora one by one; otherwise this checkout's")
    parser.add_argument("--repeats", type=int, default=1)
    flags = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        before = stack.enter_context(checkout(flags.before)) if flags.before else TREE
        benchmark = _Benchmark(flags, folder, before)
        for repeat in range(flags.repeats):
            for variant in dict.fromkeys(variant for variants in SETS for variant in variants):
                benchmark.run_alone(variant, repeat)
            for variants in SETS:
                benchmark.run_together(variants, repeat)
            benchmark.print_table(repeat)


class _Benchmark:
    def __init__(self, flags: argparse.Namespace, folder: Path, before: Path) -> None:
        self._flags, self._folder, self._before = flags, folder, before
        self._urls = folder / "urls.txt"
        self._seconds: dict[tuple[str, ...], list[float]] = {}
        self._peak_mb: dict[tuple[str, ...], float] = {}

    def run_alone(self, variant: str, repeat: int) -> None:
        output = self._folder / f"alone{repeat}" / variant
        self._run((variant,), output, self._before)
        if variant == "en":
            self._write_urls(output)

    def run_together(self, variants: Sequence[str], repeat: int) -> None:
        output = self._folder / f"together{repeat}-{'-'.join(variants)}"
        self._run(tuple(variants), output, TREE)
        for variant in variants:
            alone, together = (digests(folder / variant) for folder in (self._folder / f"alone{repeat}", output))
            if differing := differences(together, alone):
                raise SystemExit(f"{variant} of {', '.join(variants)} differs: {', '.join(differing)}")

    def _run(self, variants: tuple[str, ...], output: Path, tree: Path) -> None:
        """Run the command, and note its CPU seconds."""
        command = [sys.executable, "-m", "pipelines.wet_to_c4", f"--variant={','.join(variants)}", f"--output={output}"]
        command += [f"--input={self._flags.wet}", "--direct_num_workers=1"]
        command += [f"--assets={self._flags.assets}"] if self._flags.assets else []
        command += [f"--urls={self._urls}"] if "webtextlike" in variants else []
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(tree)}
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tree, env=environment
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"failed: {' '.join(command)}")
        self._seconds.setdefault(variants, []).append(_cpu(used))
        self._peak_mb[variants] = used.ru_maxrss / 1024
        print(f"{','.join(variants)}: {_cpu(used):.2f} s", file=sys.stderr)

    def _write_urls(self, corpus: Path) -> None:
        """Each tenth URL of a corpus, as the list of `webtextlike`."""
        urls = []
        for path in sorted(corpus.glob("c4-train.*.json.gz")):
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                urls += [json.loads(line)["url"] for line in lines]
        self._urls.write_text("\n".join(urls[::10]) + "\n", encoding="utf-8")

    def print_table(self, repeat: int) -> None:
        """The least of the repeats so far."""
        least = {variants: min(seconds) for variants, seconds in self._seconds.items()}
        unit = least["en",]
        print(f"after {repeat + 1} repeats, CPU seconds (least); en alone: {unit:.2f} s, {self._peak_mb['en',]:.0f} MB")
        print(f"{'one by one':>12}{'together':>10}{'of them':>9}{'of en':>8}{'peak MB':>9}  variants")
        for variants in SETS:
            apart = sum(least[variant,] for variant in variants)
            row = f"{apart:12.2f}{least[variants]:10.2f}{least[variants] / apart:9.0%}{least[variants] / unit:8.2f}"
            print(f"{row}{self._peak_mb[variants]:9.0f}  {', '.join(variants)}")
        for variants, seconds in sorted(least.items()):
            if len(variants) == 1:
                print(f"{seconds:12.2f}  {variants[0]}")


def _cpu(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
