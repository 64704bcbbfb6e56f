#!/usr/bin/env bash
# Hugging Face's datasets cannot load a split with an empty JSON Lines shard, unless that shard is the last one.
#
# Versions: datasets 5.0.1, pyarrow 25.0.1.
# Behaviour: `load_dataset("json", data_files=[...])` reads a split of several shards of which the last has no rows. If an
# earlier shard has no rows, it fails with DatasetGenerationError, whose cause is "IndexError: list index out of range".
# All shards are valid gzip files of JSON Lines, and the same shards load in another order.
# Seen: rows of shards [2, 0] load; rows of shards [0, 2] do not.
# Needs: python3, pip.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check datasets==5.0.1 pyarrow==25.0.1
cd "$folder"
HF_HUB_OFFLINE=1 HF_DATASETS_CACHE="$folder/cache" HF_HOME="$folder/home" "$folder/venv/bin/python" - <<'PYTHON'
import gzip
import json
import os

from datasets import load_dataset
from datasets.exceptions import DatasetGenerationError


def write(name: str, count: int) -> str:
    lines = "".join(json.dumps({"text": f"Page {number}."}) + "\n" for number in range(count))
    with gzip.open(name, "wt") as target:
        target.write(lines)
    return os.path.abspath(name)


def load(shards: list[str]) -> int | str:
    try:
        return load_dataset("json", data_files={"train": shards}, split="train").num_rows
    except DatasetGenerationError as error:
        return f"{type(error).__name__} caused by {error.__cause__!r}"


full, empty = write("full.json.gz", 2), write("empty.json.gz", 0)
last, first = load([full, empty]), load([empty, full])
print("the empty shard last:", last)
print("the empty shard first:", first)
assert last == 2 and isinstance(first, str) and "IndexError" in first, "the behaviour has changed"
PYTHON
echo "still so: an empty shard before a full one cannot be loaded"
