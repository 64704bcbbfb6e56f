#!/usr/bin/env bash
# PyTorch's device mesh gives its groups a time-out of half an hour, whatever the process group's time-out is.
#
# Versions: torch 2.13.0, numpy 2.2.6; gloo, four processes on one machine.
# Behaviour: after `init_process_group(timeout=60 s)`, `init_device_mesh` with one dimension over all ranks uses the default
# group and its 60 s. With two dimensions (nodes x cards, as for hybrid sharding) it makes new groups, and these have the
# 1,800 s of the library. So a rank that hangs in hybrid sharding is noticed after half an hour, although plain sharding in
# the same run notices it after a minute. `DeviceMesh.from_group`, with groups that the caller made, keeps the time-out.
# Seen: 60 s for the default group and the mesh of one dimension, 1,800 s for both dimensions of the other mesh, 60 s with
# `from_group`.
# Needs: python3, pip, 8 GB of disk.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.2.6
cat >"$folder/ranks.py" <<'PYTHON'
import datetime

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

MINUTE = datetime.timedelta(seconds=60)


def seconds_of(group: dist.ProcessGroup) -> float:
    return group._get_backend(torch.device("cpu")).options._timeout.total_seconds()


dist.init_process_group("gloo", timeout=MINUTE)
line = init_device_mesh("cpu", (4,))
grid = init_device_mesh("cpu", (2, 2), mesh_dim_names=("nodes", "cards"))
nodes, _ = dist.new_subgroups_by_enumeration([[0, 2], [1, 3]], timeout=MINUTE)
cards, _ = dist.new_subgroups_by_enumeration([[0, 1], [2, 3]], timeout=MINUTE)
own = DeviceMesh.from_group([nodes, cards], "cpu", mesh=grid.mesh, mesh_dim_names=("nodes", "cards"))
seen = {
    "default group": seconds_of(dist.group.WORLD),
    "mesh of one dimension": seconds_of(line.get_group()),
    "nodes": seconds_of(grid["nodes"].get_group()),
    "cards": seconds_of(grid["cards"].get_group()),
    "nodes by from_group": seconds_of(own["nodes"].get_group()),
    "cards by from_group": seconds_of(own["cards"].get_group()),
}
if dist.get_rank() == 0:
    for name, seconds in seen.items():
        print(f"{name}: {seconds:.0f} s")
assert list(seen.values()) == [60.0, 60.0, 1800.0, 1800.0, 60.0, 60.0], "the behaviour has changed"
dist.destroy_process_group()
PYTHON
OMP_NUM_THREADS=1 "$folder/venv/bin/python" -m torch.distributed.run --standalone --nproc_per_node=4 "$folder/ranks.py"
echo "still so: groups of a mesh of two dimensions have 1,800 s instead of 60"
