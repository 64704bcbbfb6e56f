"""`--help` and a mistake in the flags are answered before the large libraries are imported."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from model.architectures.catalog import ARCHITECTURES
from model.architectures.config import ARCHITECTURE_NAMES

ROOT = Path(__file__).parents[1]
HEAVY = {
    *("apache_beam", "torch", "matplotlib", "pyarrow", "langdetect", "sentencepiece", "transformers"),
    *("requests", "tldextract", "safetensors", "scipy", "sklearn", "ssl", "asyncio"),
}
# run_ranks is torchrun with another end, and torchrun's help is torch's.
MODULES = sorted(
    ["c4pipe.inspect_shard", "c4pipe.demo"]
    + [
        f"{folder}.{path.stem}"
        for folder in ("pipelines", "model")
        for path in (ROOT / folder).glob("*.py")
        if path.stem not in ("__init__", "run_ranks")
    ]
)


def start(module: str, *flags: str) -> tuple[subprocess.CompletedProcess, set[str]]:
    """(the ended process, the names of all packages that it imported)."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", module, *flags],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    imported = set(re.findall(r"^import time:[^|]*\|[^|]*\|\s*([\w]+)", ended.stderr, re.MULTILINE))
    ended.stderr = "".join(line + "\n" for line in ended.stderr.splitlines() if not line.startswith("import time:"))
    return ended, imported


@pytest.fixture(scope="module")
def answers() -> dict:
    """(module, flag) -> what came of it, all started at once."""
    asked = [(module, flag) for module in MODULES for flag in ("--help", "--no_such_flag")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(asked, pool.map(lambda each: start(*each), asked), strict=True))


@pytest.mark.parametrize("module", MODULES)
def test_help_imports_no_large_library(module, answers):
    ended, imported = answers[module, "--help"]
    assert ended.returncode == 0 and f"python -m {module}" in ended.stdout and "--dry_run" in ended.stdout
    assert "argparse" in imported and not imported & HEAVY


@pytest.mark.parametrize("module", MODULES)
def test_a_usage_error_imports_no_large_library(module, answers):
    ended, imported = answers[module, "--no_such_flag"]
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1 and ended.stderr.startswith("error: ")
    assert "argparse" in imported and not imported & HEAVY


def test_a_flag_that_neither_we_nor_beam_know_is_told_before_beam_is_imported():
    flags = ("--input=x", "--output=y", "--direct_num_worker=2")
    ended, imported = start("pipelines.wet_to_c4", *flags)
    assert ended.returncode == 2 and "did you mean --direct_num_workers?" in ended.stderr
    assert not imported & HEAVY


def test_the_check_itself_sees_a_large_library():
    _, imported = start("pipelines.c4_to_vocabulary", "--input=nothing/*.gz", "--output=y")
    assert "apache_beam" in imported


def test_the_architectures_that_help_names_are_those_that_are_built():
    assert tuple(ARCHITECTURES) == ARCHITECTURE_NAMES, (
        "model/architectures/config.py names them for --help, in this order"
    )
