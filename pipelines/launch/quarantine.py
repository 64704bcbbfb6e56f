"""`quarantine.jsonl`: the records that could not be taken, and how many of them a run may have."""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from c4pipe.command_line import Parser
from c4pipe.errors import UserError
from c4pipe.folders.kinds import QUARANTINE
from c4pipe.shards import files

PREFIX = "quarantined_"
_DEFAULT_FRACTION = 0.01


def add_flag(parser: Parser) -> None:
    """The flag that `check_flag` and `check` read."""
    parser.add_argument(
        "--max_quarantined_fraction",
        type=float,
        default=_DEFAULT_FRACTION,
        help="the run ends without a result if more than this share of the records cannot be taken",
    )


def check_flag(flags: argparse.Namespace) -> None:
    """Raises: UserError if the flag is not a share."""
    if not 0 <= flags.max_quarantined_fraction <= 1:
        raise UserError(f"--max_quarantined_fraction={flags.max_quarantined_fraction} is not a share; give 0 to 1")


def write(folder: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the rows of a run (fields of `Quarantined`)."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    files.write_bytes(files.join(folder, QUARANTINE), "".join(lines).encode("utf-8", "replace"))


def write_if_any(folder: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the rows, or take away what an earlier attempt left where there are none."""
    if rows:
        write(folder, rows)
    else:
        files.remove(files.join(folder, QUARANTINE))


def check(folder: str, counters: Mapping[str, int], num_records: int, limit: float) -> None:
    """Raises: UserError if more of the records are in the quarantine than the limit allows."""
    quarantined = sum(count for name, count in counters.items() if name.startswith(PREFIX))
    if quarantined > limit * num_records:
        raise UserError(
            f"{quarantined} of {num_records} records could not be taken ({reasons(counters)}); see "
            f"{files.join(folder, QUARANTINE)}, or raise --max_quarantined_fraction"
        )


def last_words(counters: Mapping[str, Any]) -> str:
    """What a last line says of rows that are not pages; nothing where there are none.

    >>> last_words({"records": 5, "quarantined_no_text": 2}), last_words({"records": 5})
    ('; rows that are not pages, in quarantine.jsonl: no_text 2', '')
    """
    told = reasons(counters)
    return f"; rows that are not pages, in {QUARANTINE}: {told}" if told else ""


def reasons(counters: Mapping[str, Any], prefix: str = PREFIX) -> str:
    """
    >>> reasons({"records": 5, "quarantined_bad_json": 1, "quarantined_no_text": 2})
    'bad_json 1, no_text 2'
    """
    return ", ".join(
        f"{name.removeprefix(prefix)} {count:,}"
        for name, count in sorted(counters.items())
        if name.startswith(prefix) and count
    )
