"""The one command for all: it knows every command, gives the flags on, and completes them in a shell."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import c4pipe
from c4pipe.__main__ import main
from c4pipe.commands import COMMANDS
from c4pipe.completion import SHELLS, script_for, words_of
from c4pipe.errors import UserError

ROOT = Path(__file__).parents[2]


def test_every_command_of_the_tree_has_a_name():
    modules = {
        f"{folder}.{path.stem}" for folder in ("pipelines", "model") for path in (ROOT / folder).glob("[a-z]*.py")
    }
    named = {command.module for command in COMMANDS.values()}
    assert named == {*modules, "c4pipe.inspect_shard", "c4pipe.demo.__main__"}
    assert all(name in command.module for name, command in COMMANDS.items())


def test_help_names_every_command_and_nothing_large_is_imported():
    code = (
        "import sys; from c4pipe.__main__ import main; main(['--help']); "
        "print('argparse' in sys.modules, 'numpy' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(f"  {name} " in shown for name in COMMANDS) and shown.endswith("True False\n")


def test_the_version_is_that_of_the_package(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"c4pipe {c4pipe.__version__}\n"


def test_flags_go_to_the_command_and_its_status_comes_back(tmp_path, capsys):
    shard = tmp_path / "pages.jsonl"
    shard.write_text('{"text": "A page.", "url": "http://a.example/"}\n')
    assert main(["inspect_shard", str(shard), "--dry_run"]) == 0
    assert "would read" in capsys.readouterr().out
    with pytest.raises(UserError, match="--row=-1"):
        main(["inspect_shard", str(shard), "--row=-1"])


def test_a_command_that_is_not_there_is_one_line_with_the_nearest():
    with pytest.raises(UserError, match="did you mean wet_to_c4"):
        main(["wet_to_c5"])


def test_a_package_that_is_not_installed_is_named_with_its_extra():
    code = "import sys; sys.modules['torch'] = None; from c4pipe.__main__ import start; start()"
    command = [sys.executable, "-c", code, "export", "--checkpoint=run", "--output=out"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr == "error: torch is not installed; pip install 'c4pipe[train]' installs it\n"


def completed(line: str) -> list[str]:
    """What bash offers at the end of a command line. Readline takes `=` for a word of its own."""
    words = [word for part in line.split(" ") for word in re.split("(=)", part) if word or part == ""]
    quoted = " ".join(f"'{word}'" for word in words)
    code = (
        f"{script_for('bash')}\nCOMP_LINE='{line}' COMP_POINT={len(line)} COMP_WORDS=({quoted}) "
        f"COMP_CWORD={len(words) - 1}\n_c4pipe 2>/dev/null\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    return subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_bash_completes_commands_flags_and_values():
    assert completed("c4pipe wet") == ["wet_to_c4"]
    assert completed("c4pipe wet_to_c4 --dry") == ["--dry_run"]
    assert completed("c4pipe wet_to_c4 --format=") == ["json.gz", "json.zst", "parquet"]
    assert completed("c4pipe pretrain --optimizer=adaf") == ["adafactor"]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_script_names_every_command_and_its_flags(shell):
    script = script_for(shell)
    assert all(name in script for name in COMMANDS)
    assert all(word in script for word in words_of("pretrain")) and "--gradient_accumulation=" in script


def test_completion_has_help(capsys):
    assert main(["completion", "--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: c4pipe completion bash|zsh|fish\n")


def test_a_shell_that_has_no_script_is_one_line():
    with pytest.raises(UserError, match="There are bash, zsh, fish"):
        main(["completion", "tcsh"])
