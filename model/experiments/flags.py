"""The flags of how a search is carried out, which `search` and `compare_methods` have in common."""

import argparse

from c4pipe.command_line import Parser
from c4pipe.errors import UserError

SLURM, MAKEFILE = "slurm", "makefile"


def add_carrying_out(flags: Parser) -> None:
    """Add the flags as a group."""
    add = flags.add_argument_group("carrying out").add_argument
    add("--jobs", type=int, help="commands to run at once, each on a GPU of its own (default: one per GPU)")
    add(
        "--write",
        choices=(SLURM, MAKEFILE),
        help="write all commands as a script for Slurm or as a Makefile, instead of running them",
    )


def check_carrying_out(arguments: argparse.Namespace) -> None:
    """Raises: UserError for a number that is too small."""
    for name in ("seeds", "baseline_seeds", "jobs"):
        value = getattr(arguments, name, None)
        if value is not None and value < 1:
            raise UserError(f"--{name}={value} must be at least 1")
