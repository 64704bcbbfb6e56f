"""The flags that ask `--dry_run` what a crawl costs, on this machine and on others."""

import argparse

from c4pipe.command_line import Parser
from c4pipe.errors import UserError

_ONLY_DRY = ("cores", "machines", "price_per_core_hour")


def add(parser: Parser) -> None:
    """Add the flags to a parser."""
    group = parser.add_argument_group("cost of a crawl, for --dry_run --crawl=CRAWL")
    group.add_argument("--cores", type=int, metavar="N", help="cores per machine to compare with (default: 64)")
    group.add_argument("--machines", type=int, metavar="N", help="number of such machines (default: 1)")
    group.add_argument("--price_per_core_hour", type=float, metavar="X", help="what a core costs per hour")


def check(flags: argparse.Namespace) -> None:
    """Set the defaults. Raises: UserError if a flag has no effect or no meaning."""
    given = [name for name in _ONLY_DRY if getattr(flags, name) is not None]
    if given and not (flags.dry_run and flags.crawl):
        raise UserError(f"--{given[0]} is only for --dry_run --crawl=CRAWL, which says what a crawl costs")
    flags.cores, flags.machines = (64 if flags.cores is None else flags.cores), flags.machines or 1
    if flags.cores < 1 or flags.machines < 1 or (flags.price_per_core_hour or 0) < 0:
        raise UserError("--cores and --machines must be at least 1, and --price_per_core_hour at least 0")
