"""The flags that ask `--dry_run` what a crawl costs, on this machine and on others."""

import argparse
from dataclasses import dataclass, fields

from c4pipe.command_line import Parser, add_flags, flag
from c4pipe.errors import UserError


@dataclass(frozen=True)
class Flags:
    cores: int | None = flag(None, help="cores per machine to compare with", otherwise="64")
    machines: int | None = flag(None, help="number of such machines", otherwise="1")
    price_per_core_hour: float | None = flag(None, help="what a core costs per hour")


def add(parser: Parser) -> None:
    """Add the flags to a parser."""
    add_flags(parser, "cost of a crawl, for --dry_run --crawl=CRAWL", Flags)


def check(flags: argparse.Namespace) -> None:
    """Set the defaults. Raises: UserError if a flag has no effect or no meaning."""
    given = [entry.name for entry in fields(Flags) if getattr(flags, entry.name) is not None]
    if given and not (flags.dry_run and flags.crawl):
        raise UserError(f"--{given[0]} is only for --dry_run --crawl=CRAWL, which says what a crawl costs")
    flags.cores, flags.machines = (64 if flags.cores is None else flags.cores), flags.machines or 1
    if flags.cores < 1 or flags.machines < 1 or (flags.price_per_core_hour or 0) < 0:
        raise UserError("--cores and --machines must be at least 1, and --price_per_core_hour at least 0")
