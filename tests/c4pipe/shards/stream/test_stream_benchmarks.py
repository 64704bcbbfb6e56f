"""The stream's benchmarks run and print their figures."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[4] / "benchmarks"


def _table(*command) -> dict[str, list[str]]:
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    return {row[0]: row[1:] for row in rows}


@pytest.mark.slow
def test_the_local_benchmark_measures_us(tmp_path):
    flags = ["--systems=c4pipe", "--num_examples=16000", f"--work_dir={tmp_path}"]
    row = _table(BENCHMARKS / "bench_stream.py", *flags)["c4pipe"]
    assert float(row[0].replace(",", "")) > 50_000  # measured 670,000 on an idle core


@pytest.mark.slow
def test_eight_readers_from_slow_storage_are_served(tmp_path):
    pytest.importorskip("aiohttp")
    flags = ["--seconds=5", "--num_shards=8", "--rows=3000", f"--work_dir={tmp_path}"]
    table = _table(BENCHMARKS / "bench_remote_stream.py", *flags)
    assert float(table["cold start to the first batch"][0].split()[0]) < 10
    assert float(table["waiting, slowest reader"][0].rstrip("%")) < 5  # 0.07% where nothing else runs
