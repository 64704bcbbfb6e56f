"""What all tests share."""

import os
from pathlib import Path

import pytest

# Programs that tests start; the search for doctests would import them.
collect_ignore_glob = ["**/*_worker.py"]

SHARED = Path(os.environ.get("C4PIPE_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real WET files, golden results and assets beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip(f"NOT CHECKED: {SHARED} is not there, so this comparison with the reference did not run")
    return SHARED


def pytest_terminal_summary(terminalreporter) -> None:
    if not SHARED.is_dir():
        terminalreporter.section("PARITY NOT CHECKED", sep="!")
        terminalreporter.line(f"{SHARED} is not there: the tests that compare with the reference were left out.")
