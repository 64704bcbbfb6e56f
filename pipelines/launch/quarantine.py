"""`quarantine.jsonl`: the records that could not be used, and the limit for their number."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from c4pipe.errors import UserError
from c4pipe.folders.kinds import QUARANTINE
from c4pipe.shards import files

PREFIX = "quarantined_"


def write(folder: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the quarantined rows of a run (fields of `Quarantined`)."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    files.write_bytes(files.join(folder, QUARANTINE), "".join(lines).encode("utf-8", "replace"))


def write_if_any(folder: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the rows. If there are none, remove the file of an earlier attempt."""
    if rows:
        write(folder, rows)
    else:
        files.remove(files.join(folder, QUARANTINE))


def write_and_check(folder: str, rows: Sequence[Mapping[str, Any]], num_rows: int, limit: float) -> Counter[str]:
    """Write the rows that are not pages, of all rows of a run. Returns: their number per reason, with `PREFIX`.

    Raises: as `check`.
    """
    write_if_any(folder, rows)
    counters = Counter(PREFIX + row["reason"] for row in rows)
    check(folder, counters, num_rows, limit)
    return counters


def check(folder: str, counters: Mapping[str, int], num_records: int, limit: float) -> None:
    """Raises: UserError if more of the records are in the quarantine than the limit allows."""
    quarantined = sum(count for name, count in counters.items() if name.startswith(PREFIX))
    if quarantined > limit * num_records:
        raise UserError(
            f"{quarantined} of {num_records} records could not be used ({reasons(counters)}); see "
            f"{files.join(folder, QUARANTINE)}, or raise --max_quarantined_fraction"
        )


def last_words(counters: Mapping[str, Any]) -> str:
    """The part of the command's last line about rows that are not pages; empty if there are none.

    >>> last_words({"records": 5, "quarantined_no_text": 2}), last_words({"records": 5})
    ('; rows that are not pages, in quarantine.jsonl: no_text 2', '')
    """
    counts = reasons(counters)
    return f"; rows that are not pages, in {QUARANTINE}: {counts}" if counts else ""


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
