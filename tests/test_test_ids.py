"""Every test has a fixed name, because test processes collect tests separately and must find the same names."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# An hour later, with other random numbers and another order of sets.
COLLECT_LATER = """
import random, sys, time
import pytest
real_time, real_time_ns = time.time, time.time_ns
time.time = lambda: real_time() + 3600
time.time_ns = lambda: real_time_ns() + 3600 * 10**9
random.seed(12345)
sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *sys.argv[1:]]))
"""


def ids_collected_later(files: list[str]) -> set[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    # Of any two hash seeds, one at least is not this process's.
    result = subprocess.run(
        [sys.executable, "-c", COLLECT_LATER, *files],
        cwd=ROOT,
        env={**environment, "PYTHONHASHSEED": "7" if environment.get("PYTHONHASHSEED") != "7" else "8"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return {line for line in result.stdout.splitlines() if "::" in line}


def test_the_tests_of_this_run_are_named_the_same_an_hour_later(request):
    items = request.session.items
    later = ids_collected_later(sorted({str(item.path) for item in items}))
    assert sorted(item.nodeid for item in items if item.nodeid not in later) == []


def test_a_name_with_the_clock_in_it_is_found(tmp_path):
    test_file = tmp_path / "test_clock.py"
    test_file.write_text(
        "import time\nimport pytest\n\n\n"
        "@pytest.mark.parametrize('seconds', [int(time.time()) // 1000])\ndef test_it(seconds):\n    pass\n"
    )
    (later,) = ids_collected_later([str(test_file)])
    now = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(test_file)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout
    assert "test_clock.py::test_it[" in now and later not in now
