"""The comparison in `make engines`, and its messages if something is missing. Only `make engines` runs the engines."""

import json
import os
import shutil
import sys
import time

import pytest

from tools.engines import chain, fetched, run
from tools.engines.servers import Servers


def folder_with(path, **contents):
    path.mkdir()
    for name, content in contents.items():
        (path / name.replace("_", ".", 1)).write_text(content)
    return chain.digests(path)


def test_other_bytes_and_files_that_only_one_side_has_are_told(tmp_path):
    local = folder_with(tmp_path / "local", a_txt="1", b_txt="2")
    ours = folder_with(tmp_path / "ours", a_txt="1", b_txt="3", c_txt="4")
    assert chain.differences(ours, local) == ["b.txt", "c.txt"]
    assert chain.differences(local, local) == []


def test_a_report_is_compared_without_its_times_and_its_machine(tmp_path):
    first = folder_with(tmp_path / "1", report_json=json.dumps({"timing": 1, "machine": 2, "counters": {"rows": 3}}))
    second = folder_with(tmp_path / "2", report_json=json.dumps({"timing": 4, "machine": 5, "counters": {"rows": 3}}))
    other = folder_with(tmp_path / "3", report_json=json.dumps({"timing": 1, "machine": 2, "counters": {"rows": 4}}))
    assert chain.differences(first, second) == []
    assert chain.differences(first, other) == ["report.json"]


def test_a_report_is_compared_without_the_folder_of_its_run(tmp_path):
    runs = [tmp_path / "local", tmp_path / "flink"]
    for run_folder in runs:
        report = json.dumps({"text_folders": [f"{run_folder}/c4"]})
        run_folder.mkdir()
        folder_with(run_folder / "examples", report_json=report)
    assert chain.differences(*(chain.digests(folder / "examples") for folder in runs)) == []


@pytest.mark.parametrize(("engine", "program"), [("flink", "java"), ("spark", "mvn"), ("prism", "go")])
def test_what_is_missing_for_an_engine_is_one_line(engine, program, monkeypatch, tmp_path):
    monkeypatch.setattr(fetched, "FOLDER", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None if name == program else f"/bin/{name}")
    with pytest.raises(fetched.Missing, match=f"^{engine}: `{program}` is not installed"):
        fetched.prism() if engine == "prism" else fetched.jars(engine)


def test_an_engine_that_nobody_knows_is_an_error_before_anything_is_started():
    with pytest.raises(run.UserError, match="unknown engine 'storm'"):
        run.main(["--engines=storm"])


def test_a_server_and_what_it_started_are_gone_when_the_block_ends(tmp_path):
    """The process starts another one, writes its id, and waits."""
    waits = "import time; time.sleep(3600)"
    script = (
        f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', '{waits}']); "
        f"print(child.pid, flush=True); {waits}"
    )
    with Servers(tmp_path) as servers:
        parent = servers.start("parent", [sys.executable, "-c", script])
        while not (tmp_path / "parent.log").read_text().endswith("\n"):
            assert os.path.exists(f"/proc/{parent}")
            time.sleep(0.05)
    child = int((tmp_path / "parent.log").read_text())
    assert not _runs(parent)
    deadline = time.monotonic() + 600  # it is told to end, and does so soon
    while _runs(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(process: int) -> bool:
    """Whether a process is there and not merely waiting to be reaped."""
    try:
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_server_that_ends_before_it_listens_is_told_with_its_words(tmp_path):
    with Servers(tmp_path) as servers:
        servers.start("broken", [sys.executable, "-c", "raise SystemExit('no such port')"])
        with pytest.raises(RuntimeError, match=r"broken ended with status 1: no such port"):
            servers.wait_for_port("broken", 1, 60)
