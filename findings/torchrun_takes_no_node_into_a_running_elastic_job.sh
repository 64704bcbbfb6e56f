#!/usr/bin/env bash
# A node that joins a running elastic job of torchrun is not told where rank 0 is, and the job ends.
#
# Versions: torch 2.13.0, numpy 2.2.6; two agents on one machine, the rendezvous c10d.
# Behaviour: torchrun's documentation says that a node may join a job of `--nnodes=1:2`: all workers are then started again
# with a new world size. The first agent stops its workers and begins a new round. But it keeps the address of rank 0 from
# the round before, and writes it down only once, under the key of that round. The agent that joins reads the key of the
# new round, `MASTER_ADDR`, for a minute, and ends with an error; the first agent waits for it, and ends as well. So the
# job that was to become larger is over. With TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1, which is documented as an opt-out of
# sharing a store, the address is written down in each round, and the job goes on with two nodes.
# Seen: statuses 1 and 1 without the variable, 0 and 0 with it.
# Needs: python3, pip, 8 GB of disk.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.2.6
cat >"$folder/job.py" <<'PYTHON'
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

is_own_store = sys.argv[1]
folder = Path(sys.argv[2], is_own_store)
folder.mkdir()
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
# A worker says how many there are, and works: for long if it is alone.
WORKER = """
import os, time
print("world", os.environ["WORLD_SIZE"], flush=True)
time.sleep(20 if os.environ["WORLD_SIZE"] == "2" else 600)
"""


def start(address: str) -> subprocess.Popen:
    flags = ["--nnodes=1:2", "--nproc_per_node=1", "--max_restarts=3", "--rdzv_backend=c10d", "--rdzv_id=job"]
    flags += [f"--rdzv_endpoint=127.0.0.1:{port}", f"--local_addr={address}", "--rdzv_conf=last_call_timeout=5"]
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", *flags, "--no-python", sys.executable, "-c", WORKER],
        stdout=(folder / f"{address}.out").open("w"),
        stderr=(folder / f"{address}.err").open("w"),
        env={**os.environ, "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": is_own_store},
    )


first = start("127.0.0.1")
end = time.monotonic() + 300
while "world 1" not in (folder / "127.0.0.1.out").read_text():
    assert first.poll() is None and time.monotonic() < end, "the first node did not start"
    time.sleep(0.2)
second = start("127.0.0.2")
statuses = [process.wait(timeout=600) for process in (first, second)]
is_untold = "MASTER_ADDR" in (folder / "127.0.0.2.err").read_text()
print(f"TORCH_DISABLE_SHARE_RDZV_TCP_STORE={is_own_store}: statuses {statuses}")
print("the second node", "waited for MASTER_ADDR" if is_untold else "joined")
expected = ([1, 1], True) if is_own_store == "0" else ([0, 0], False)
assert (statuses, is_untold) == expected, "the behaviour has changed"
PYTHON
for is_own_store in 0 1; do
  OMP_NUM_THREADS=1 "$folder/venv/bin/python" "$folder/job.py" "$is_own_store" "$folder"
done
echo "still so: a node joins only if the store is not shared"
