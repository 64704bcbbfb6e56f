"""The Slurm scripts, run by stand-ins for `srun` and `scontrol` on this machine."""

import gzip
import sys
from pathlib import Path

import pytest
from slurm_stand_in import run_script, write_programs
from web_server import serving

CRAWL = "CC-MAIN-2019-18"


@pytest.fixture
def crawl(tmp_path):
    """A web server with a crawl of five WET files, and its URL."""
    names = [f"crawl-data/{CRAWL}/segments/1/wet/part-{number}.warc.wet.gz" for number in range(5)]
    for number, name in enumerate(names):
        (tmp_path / "web" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "web" / name).write_bytes(gzip.compress(b"WARC/1.0\r\n" * (number + 1), mtime=0))
    listed = gzip.compress("\n".join(names).encode(), mtime=0)
    (tmp_path / "web" / "crawl-data" / CRAWL / "wet.paths.gz").write_bytes(listed)
    with serving(tmp_path / "web") as url:
        yield url


def download(crawl: str, output: Path, task: int):
    return run_script(
        "crawl_to_wet.sbatch",
        CRAWL=CRAWL,
        FILES_PER_TASK="2",
        OUTPUT=str(output),
        SLURM_ARRAY_TASK_ID=str(task),
        PYTHON=sys.executable,
        ARGS=f"--base_url={crawl}",
    )


def test_the_tasks_of_an_array_download_every_file_of_the_crawl_once(crawl, tmp_path):
    for task in range(3):
        done = download(crawl, tmp_path / "wet", task)
        assert done.returncode == 0, done.stderr
    found = sorted(path.relative_to(tmp_path / "wet").as_posix() for path in (tmp_path / "wet").rglob("*.wet.gz"))
    assert found == [f"part-{number // 2}/part-{number}.warc.wet.gz" for number in range(5)]


def test_a_task_after_the_last_file_of_the_crawl_is_one_line(crawl, tmp_path):
    done = download(crawl, tmp_path / "wet", 3)
    assert done.returncode == 2
    assert done.stderr == f"error: {CRAWL} has 5 WET files; --first_file=6 is after the last\n"
    assert not (tmp_path / "wet" / "part-3").exists()


def test_every_node_starts_torchrun_with_one_meeting_place(tmp_path):
    """`PYTHON` is a stand-in too: it keeps what it is called with."""
    path = write_programs(tmp_path, ("node1", "node2"))
    python = tmp_path / "python"
    python.write_text(f'#!/bin/bash\necho "$@" > {tmp_path}/called-$SLURM_NODEID\n')
    python.chmod(0o755)
    done = run_script(
        "pretrain.sbatch",
        "--preset=t5_base",
        PATH=path,
        PYTHON=str(python),
        EXAMPLES="/shared/examples",
        RUN="/shared/run",
        RANKS_PER_NODE="8",
        SLURM_JOB_ID="7",
        SLURM_JOB_NODELIST="node[1-2]",
        SLURM_JOB_NUM_NODES="2",
    )
    assert done.returncode == 0, done.stderr
    calls = [(tmp_path / f"called-{node}").read_text() for node in range(2)]
    assert calls[0] == calls[1]
    for part in ("--nnodes=2 --nproc_per_node=8", "--rdzv_endpoint=node1:29500", "--resume --preset=t5_base"):
        assert part in calls[0]
