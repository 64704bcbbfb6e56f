"""Starts a pipeline from a Flex Template of Dataflow, which gives every parameter as `--NAME=VALUE`."""

import sys
from collections.abc import Sequence
from importlib import import_module

from c4pipe.command_line import Parser, run
from c4pipe.errors import UserError

_SWITCHES = {"true": True, "false": False}


def start(pipeline: str) -> None:
    """Run a pipeline with the arguments of this process, as its command does."""
    module = import_module(f"pipelines.{pipeline}")
    run(lambda: module.main(plain_flags(module.parser(), sys.argv[1:])))


def plain_flags(parser: Parser, arguments: Sequence[str]) -> list[str]:
    """The arguments with `--NAME` in place of `--NAME=true`, and without `--NAME=false`, for flags without a value.

    Raises: UserError if such a flag has another value.
    """
    switches = {name for action in parser._actions if action.nargs == 0 for name in action.option_strings}
    flags = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name in switches and equals:
            if value not in _SWITCHES:
                raise UserError(f"{argument}: give true or false")
            flags += [name] if _SWITCHES[value] else []
        else:
            flags.append(argument)
    return flags
