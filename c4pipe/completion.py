"""Makes completion scripts for shells from the commands' parsers: command names, flags, and choices of flags.

A script is static, so that completion does not start Python. It must be made again after an update of c4pipe.
"""

import argparse
import shlex
from collections.abc import Iterator

from c4pipe.choices import choose
from c4pipe.commands import COMMANDS


def script_for(shell: str) -> str:
    """The script for a shell. Raises: UserError if the shell is unknown."""
    return choose("shell", shell, SHELLS)()


def words_of(command: str) -> list[str]:
    """The words that may follow a command: its flags, and `--flag=value` for flags with choices."""
    parser = COMMANDS[command].parser()
    return [] if parser is None else sorted(set(_words(parser)))


def _words(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        for flag in (name for name in action.option_strings if name.startswith("--")):
            if action.choices is not None:
                yield from (f"{flag}={value}" for value in action.choices)
            else:
                yield flag if action.nargs == 0 else f"{flag}="


def _bash() -> str:
    cases = "\n".join(f"    {name}) words={shlex.quote(' '.join(words_of(name)))} ;;" for name in COMMANDS)
    return f"""_c4pipe() {{
  local line="${{COMP_LINE:0:COMP_POINT}}" words
  local current="${{line##* }}" head="${{COMP_WORDS[COMP_CWORD]}}"
  case "${{COMP_WORDS[1]}}" in
{cases}
    *) words={shlex.quote(" ".join([*COMMANDS, "completion"]))} ;;
  esac
  [ "$COMP_CWORD" = 1 ] && words={shlex.quote(" ".join([*COMMANDS, "completion"]))}
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  # Readline takes `=` for the end of a word: of `--flag=value` only the value is to be put in.
  [[ "$current" == *=* ]] && COMPREPLY=("${{COMPREPLY[@]#"${{current%%=*}}="}}")
  [[ ${{#COMPREPLY[@]}} = 1 && "${{COMPREPLY[0]}}" == *= ]] && compopt -o nospace
  [[ ${{#COMPREPLY[@]}} = 0 && "$head" != -* ]] && compopt -o default
}}
complete -F _c4pipe c4pipe"""


def _zsh() -> str:
    return f"autoload -U +X bashcompinit && bashcompinit\n{_bash()}"


def _fish() -> str:
    lines = ["complete -c c4pipe -n __fish_use_subcommand -f"]
    for name, command in COMMANDS.items():
        lines.append(f"complete -c c4pipe -n __fish_use_subcommand -a {name} -d {shlex.quote(command.summary)}")
        words = shlex.quote(" ".join(words_of(name)))
        lines.append(f"complete -c c4pipe -n '__fish_seen_subcommand_from {name}' -a {words}")
    return "\n".join(lines)


SHELLS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
