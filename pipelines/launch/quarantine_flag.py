"""The flag `--max_quarantined_fraction`, for commands that read records (see `quarantine`)."""

import argparse

from c4pipe.command_line import Parser
from c4pipe.errors import UserError

DEFAULT_FRACTION = 0.01


def add(parser: Parser) -> None:
    """Add the flag to a parser."""
    parser.add_argument(
        "--max_quarantined_fraction",
        type=float,
        default=DEFAULT_FRACTION,
        help="the run fails if more than this share of the records cannot be used",
    )


def check(flags: argparse.Namespace) -> None:
    """Raises: UserError if the flag is not between 0 and 1."""
    if not 0 <= flags.max_quarantined_fraction <= 1:
        raise UserError(f"--max_quarantined_fraction={flags.max_quarantined_fraction} is not a share; give 0 to 1")
