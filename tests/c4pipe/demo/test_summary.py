"""The end of the demo's table: what to do next."""

import sys

import pytest

from c4pipe.demo.summary import _activation


@pytest.mark.parametrize(
    ("base", "active", "printed"),
    [
        ("/usr", None, ["  source .venv/bin/activate"]),
        ("/usr", "/elsewhere", ["  source .venv/bin/activate"]),
        ("/usr", ".venv", []),  # the shell uses the environment already
        (".venv", None, []),  # no environment: `python` is this Python
    ],
)
def test_the_commands_begin_with_the_environment_that_the_shell_does_not_use(
    tmp_path, monkeypatch, base, active, printed
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / base))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    if active:
        monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / active))
    assert _activation() == printed
