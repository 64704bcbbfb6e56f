"""Every command by one name: `c4pipe wet_to_c4 ...` is `python -m pipelines.wet_to_c4 ...`.

c4pipe COMMAND --help
c4pipe completion bash|zsh|fish     # prints a script: eval "$(c4pipe completion bash)"
"""

import os
import sys
from collections.abc import Sequence

import c4pipe
from c4pipe.choices import check_choice
from c4pipe.command_line import run
from c4pipe.commands import COMMANDS, Command
from c4pipe.completion import SHELLS, script_for
from c4pipe.errors import UserError

_HELP = ("--help", "-h")
_HELP_OF_COMPLETION = f"""usage: c4pipe completion {"|".join(SHELLS)}

Print a script for a shell. With it, the shell completes commands, flags and their values:

    eval "$(c4pipe completion bash)"
    eval "$(c4pipe completion zsh)"
    c4pipe completion fish | source"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first argument names, with the other arguments."""
    name, *flags = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in (*_HELP, "help"):
        print(overview())
        return 0
    if name == "--version":
        print(f"c4pipe {c4pipe.__version__}")
        return 0
    if name == "completion":
        if len(flags) != 1:
            raise UserError(f"completion takes the name of a shell: {', '.join(SHELLS)}")
        print(_HELP_OF_COMPLETION if flags[0] in _HELP else script_for(flags[0]))
        return 0
    check_choice("command", name, [*COMMANDS, "completion"])
    return perform(COMMANDS[name], flags)


def perform(command: Command, flags: list[str]) -> int:
    """Run a command. Raises: UserError that names the extra, if a package of it is not installed."""
    try:
        return command.main()(flags) or 0
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if command.extra is None or missing in ("", "c4pipe", "pipelines", "model"):
            raise
        raise UserError(f"{missing} is not installed; pip install 'c4pipe[{command.extra}]' installs it") from error


def overview() -> str:
    """The list of commands, each with its summary."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(["usage: c4pipe COMMAND ...", "", __doc__ or "", *lines])


def start() -> None:
    """The console command."""
    run(main, is_speaker=lambda: os.environ.get("RANK", "0") == "0")


if __name__ == "__main__":
    start()
