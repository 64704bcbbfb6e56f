"""docs/formats.md is right: its example reader runs, and its permutation is the one that is used."""

import os
import re
from pathlib import Path

import numpy as np

from c4pipe.shards.schemas import ROWS_PER_BATCH, ExampleSchema
from c4pipe.shards.stream import order

PAGE = (Path(__file__).parents[3] / "docs" / "formats.md").read_text(encoding="utf-8")


def test_the_three_lines_read_a_shard_with_plain_pyarrow(tmp_path, folder_of, example_of):
    folder = folder_of(tmp_path / "examples", [50])
    (code,) = re.findall(
        r"```python\n(.*?)```", PAGE.partition("## Example shards")[2].partition("\n## ")[0], re.DOTALL
    )
    assert len([line for line in code.splitlines() if line]) == 3
    found: dict = {}
    before = Path.cwd()
    os.chdir(folder)
    try:
        exec(code, found)
    finally:
        os.chdir(before)
    inputs, targets = example_of(np.arange(50))
    np.testing.assert_array_equal(np.array(found["inputs"]), inputs)
    np.testing.assert_array_equal(np.array(found["targets"]), targets)


def test_every_column_and_constant_is_on_the_page():
    section = PAGE.partition("## Example shards")[2].partition("\n## ")[0]
    for name in ExampleSchema(4, 4, 100, task=True).arrow().names:
        assert f"`{name}`" in section
    assert f"have {ROWS_PER_BATCH:,} rows" in section
    text = PAGE.partition("## The order of examples")[2]
    assert f"{order.GROUP_BYTES >> 20} MiB" in text
    assert f"{order.MIN_GROUP_SHARDS} at least and {order.MAX_GROUP_SHARDS} at most" in text
    assert f"windows of {order.BATCHES_PER_WINDOW} at most" in text


def test_the_permutation_on_the_page_is_ours():
    mask, golden = (1 << 64) - 1, 0x9E3779B97F4A7C15

    def mix(value):
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
        return value ^ (value >> 31)

    for key in [(0, 0, 1), (17, 3, 3, 250), (2**63, 1, 2)]:
        state = 0
        for part in key:
            state = mix(((state ^ part) + golden) & mask)
        hashes = [mix(((j + 1) * golden + state) & mask) for j in range(500)]
        assert order.permutation(500, *key).tolist() == sorted(range(500), key=hashes.__getitem__)
