"""The notebook docs/tour.ipynb: its cells run in their order on the output of a small demo, without a network."""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = json.loads((ROOT / "docs" / "tour.ipynb").read_text())
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def test_every_cell_shows_something():
    assert (NOTEBOOK["nbformat"], len(CODE)) == (4, 7)
    for cell in NOTEBOOK["cells"]:
        if cell["cell_type"] == "code":
            (output,) = cell["outputs"]
            assert output["output_type"] == "stream" and "".join(output["text"]).strip()


@pytest.mark.slow
def test_the_cells_run_on_the_output_of_a_demo(tmp_path, monkeypatch):
    small = ("--steps=2", "--batch_size=2", "--num_pieces=1000", "--crawl_bytes=300000")
    subprocess.run(
        [sys.executable, "-m", "c4pipe.demo", "--output=demo", *small],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for number, source in enumerate(CODE):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(source, f"cell {number}", "exec"), names)
        assert printed.getvalue().strip(), source
