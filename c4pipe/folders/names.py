"""Names of files in a folder: finds those that match patterns, and refuses names that lead out of the folder."""

import os
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from c4pipe.errors import UserError
from c4pipe.shards import files

_MOST_SHOWN = 5
_TEMPORARY = re.compile(rf".+\.[0-9a-f]{{8}}{re.escape(files.TEMPORARY_SUFFIX)}")


def matching(folder: str, patterns: Iterable[str]) -> list[str]:
    """The sorted names in a folder that match a pattern. A pattern with a `/` looks one folder deeper."""
    found = set()
    patterns = list(patterns)
    for place in {os.path.dirname(pattern) for pattern in patterns}:
        for name in files.list_folder(files.join(folder, place) if place else folder):
            whole = f"{place}/{name}" if place else name
            if any(fnmatchcase(whole, pattern) for pattern in patterns if os.path.dirname(pattern) == place):
                found.add(whole)
    return sorted(found)


def temporaries(folder: str, patterns: Iterable[str]) -> list[str]:
    """The half-written files with these names that a killed run left."""
    found = matching(folder, [f"{pattern}.*{files.TEMPORARY_SUFFIX}" for pattern in patterns])
    return [name for name in found if _TEMPORARY.fullmatch(name)]


def check_inside(folder: str, names: Iterable[str], said_by: str) -> list[str]:
    """The names, unchanged. said_by: the file that they were read from, for the error.

    Raises: UserError if a name leads out of the folder (an absolute path, `..`).
    """
    checked = []
    for name in names:
        parts = name.split("/")
        if "\\" in name or "\0" in name or any(part in ("", ".", "..") for part in parts):
            raise UserError(
                f"{said_by} names {name!r}, which is not inside {folder}; nothing was removed. Give another --output"
            )
        checked.append(name)
    return checked


def links(folder: str, names: Iterable[str]) -> list[str]:
    """The names that are symbolic links or lead through one."""
    if files.is_remote(folder):
        return []
    return [name for name in names if any(os.path.islink(os.path.join(folder, part)) for part in _steps(name))]


def _steps(name: str) -> list[str]:
    """
    >>> _steps("a/b")
    ['a', 'a/b']
    """
    parts = name.split("/")
    return ["/".join(parts[: number + 1]) for number in range(len(parts))]


def shown(names: Sequence[str]) -> str:
    """
    >>> shown(["a", "b"]), shown([str(number) for number in range(7)])
    ('a, b', '0, 1, 2, 3, 4 and 2 more')
    """
    more = len(names) - _MOST_SHOWN
    return ", ".join(names[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")


def refuse_others(folder: str, others: Sequence[str]) -> None:
    """Raises: UserError, if there are files that no run of c4pipe made. others: these files."""
    if others:
        raise UserError(
            f"{folder} has files that no run of c4pipe has written there: {shown(others)}; move them away, or give "
            "another --output"
        )
