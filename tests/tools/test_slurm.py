"""The Slurm scripts, run by stand-ins for `srun` and `scontrol` on this machine."""

import functools
import gzip
import os
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "tools" / "slurm"
CRAWL = "CC-MAIN-2019-18"
# Starts the command once per node, as srun does with one task per node. The output of each node is stored separately.
SRUN = """#!/bin/bash
for ((node = 0; node < SLURM_JOB_NUM_NODES; node++)); do SLURM_PROCID=$node SLURM_NODEID=$node "$@" & done
wait
"""


def run_script(name: str, *arguments: str, **environment: str) -> None:
    done = subprocess.run(
        ["bash", str(SCRIPTS / name), *arguments],
        env={**os.environ, **environment},
        cwd=SCRIPTS.parents[1],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def crawl(tmp_path):
    """A web server with a crawl of five WET files, and its URL."""
    names = [f"crawl-data/{CRAWL}/segments/1/wet/part-{number}.warc.wet.gz" for number in range(5)]
    for number, name in enumerate(names):
        (tmp_path / "web" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "web" / name).write_bytes(gzip.compress(b"WARC/1.0\r\n" * (number + 1), mtime=0))
    listed = gzip.compress("\n".join(names).encode(), mtime=0)
    (tmp_path / "web" / "crawl-data" / CRAWL / "wet.paths.gz").write_bytes(listed)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "web"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def test_the_tasks_of_an_array_download_every_file_of_the_crawl_once(crawl, tmp_path):
    for task in ("0", "1", "2"):
        run_script(
            "crawl_to_wet.sbatch",
            CRAWL=CRAWL,
            FILES_PER_TASK="2",
            OUTPUT=str(tmp_path / "wet"),
            SLURM_ARRAY_TASK_ID=task,
            PYTHON=sys.executable,
            ARGS=f"--base_url={crawl}",
        )
    found = sorted(path.relative_to(tmp_path / "wet").as_posix() for path in (tmp_path / "wet").rglob("*.wet.gz"))
    assert found == [f"part-{number // 2}/part-{number}.warc.wet.gz" for number in range(5)]


def test_every_node_starts_torchrun_with_one_meeting_place(tmp_path):
    """`PYTHON` is a stand-in too: it keeps what it is called with."""
    for name, content in {
        "srun": SRUN,
        "scontrol": "#!/bin/bash\nprintf 'node1\\nnode2\\n'\n",
        "python": f'#!/bin/bash\necho "$@" > {tmp_path}/called-$SLURM_NODEID\n',
    }.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o755)
    run_script(
        "pretrain.sbatch",
        "--preset=t5_base",
        PATH=f"{tmp_path}:{os.environ['PATH']}",
        PYTHON=str(tmp_path / "python"),
        EXAMPLES="/shared/examples",
        RUN="/shared/run",
        RANKS_PER_NODE="8",
        SLURM_JOB_ID="7",
        SLURM_JOB_NODELIST="node[1-2]",
        SLURM_JOB_NUM_NODES="2",
    )
    calls = [(tmp_path / f"called-{node}").read_text() for node in range(2)]
    assert calls[0] == calls[1]
    for part in ("--nnodes=2 --nproc_per_node=8", "--rdzv_endpoint=node1:29500", "--resume --preset=t5_base"):
        assert part in calls[0]
