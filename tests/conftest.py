"""What all tests share."""

import contextlib
import os
from pathlib import Path

import pytest

# Programs that tests start; the search for doctests would import them.
collect_ignore_glob = ["**/*_worker.py"]

# The model is tested in environments without it too.
with contextlib.suppress(ModuleNotFoundError):
    from hypothesis import HealthCheck, settings

    # The same examples in every run, and no time limit: a run must not depend on chance or on how busy the machine is.
    settings.register_profile("suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("suite")

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
