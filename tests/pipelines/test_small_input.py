"""A small input needs no Beam: the same graph, on lists, gives the same bytes, errors and restarts."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_crawl import command, digests

from pipelines import wet_to_c4
from pipelines.launch import runner

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
BEAM = "--direct_num_workers=1"
# Runs the command as `python -m` does, and ends with whether Beam was imported. KIND: it kills itself at such a file.
SCRIPT = """
import os, sys
from c4pipe.command_line import run
from pipelines import wet_to_c4
from small_crawl import die_half_way

def main():
    if os.environ.get("KIND"):
        die_half_way(os.environ["KIND"])
    try:
        return wet_to_c4.main(sys.argv[1:])
    finally:
        print("with Beam" if "apache_beam" in sys.modules else "without Beam")

run(main)
"""


def start(argv: list[str], kind: str = "") -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}", "KIND": kind}
    return subprocess.run([sys.executable, "-c", SCRIPT, *argv], capture_output=True, text=True, env=environment)


@pytest.fixture(scope="module")
def made_by_beam(crawl, tmp_path_factory) -> dict[str, str]:
    output = tmp_path_factory.mktemp("beam") / "c4"
    assert wet_to_c4.main(command(crawl, output, BEAM)) == 0
    return digests(output)


def test_a_small_input_is_made_without_beam_and_gives_the_same_bytes(crawl, made_by_beam, tmp_path):
    ended = start(command(crawl, tmp_path / "c4"))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("without Beam\n") and digests(tmp_path / "c4") == made_by_beam
    again = start(command(crawl, tmp_path / "c4"))
    assert again.returncode == 0 and "nothing to do" in again.stdout + again.stderr, again.stdout + again.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "first", [pytest.param("lists", id="begun without Beam"), pytest.param("beam", id="begun with Beam")]
)
def test_a_killed_run_is_continued_with_and_without_beam(crawl, made_by_beam, tmp_path, first):
    output, more = tmp_path / "c4", [] if first == "lists" else [BEAM]
    killed = start(command(crawl, output, *more), kind="finished/")
    assert killed.returncode == -signal.SIGKILL
    cleaned = {path: path.stat().st_mtime_ns for path in output.rglob("cleaned/*.arrow")}
    assert cleaned
    ended = start(command(crawl, output, *([BEAM] if first == "lists" else [])), kind="")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("with Beam\n" if first == "lists" else "without Beam\n")
    assert digests(output) == made_by_beam


@pytest.mark.parametrize("more", [["--max_quarantined_fraction=0"], ["--exclude_urls=nowhere.txt"]])
def test_errors_are_those_of_a_run_with_beam(crawl, tmp_path, more):
    said = []
    for name, engine in (("lists", []), ("beam", [BEAM])):
        ended = start(command(crawl, tmp_path / name, *more, *engine))
        assert ended.returncode == 2
        said.append(ended.stderr.splitlines()[-1].replace(str(tmp_path / name), "OUTPUT"))
    assert said[0].startswith("error: ") and said[0] == said[1]


def test_the_report_says_how_many_workers_a_small_input_had(crawl, tmp_path, monkeypatch):
    """From Python, a small input is read by Beam in this process alone, however many cores there are."""
    monkeypatch.setattr(runner, "num_cores", lambda: 7)
    assert wet_to_c4.main(command(crawl, tmp_path / "c4")) == 0
    assert json.loads((tmp_path / "c4" / "report.json").read_bytes())["timing"]["workers"] == 1
