"""Look-up by name, with the same error everywhere for an unknown name."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from c4pipe.errors import UserError

Chosen = TypeVar("Chosen")
_SIMILAR = 0.55


def choose(kind: str, name: str, table: Mapping[str, Chosen]) -> Chosen:
    """The entry of a table that has this name. kind: what its entries are called in the error, such as "objective".

    >>> choose("objective", "lm", {"lm": 1, "prefix_lm": 2})
    1

    Raises: UserError if the table has no entry of that name.
    """
    check_choice(kind, name, table)
    return table[name]


def check_choice(kind: str, name: str, names: Iterable[str]) -> None:
    """Raises: UserError if a name is not among the known names."""
    known = list(names)
    if name not in known:
        raise UserError(f"unknown {kind} {name!r}{did_you_mean(name, known)} There are {', '.join(known)}")


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The end of a sentence: `; did you mean NAME?` if a known name is similar, otherwise a full stop.

    >>> did_you_mean("adamx", ["adamw", "adafactor"]), did_you_mean("x", ["adamw"])
    ('; did you mean adamw?', '.')
    """
    similar = difflib.get_close_matches(name, list(names), n=1, cutoff=_SIMILAR)
    return f"; did you mean {similar[0]}?" if similar else "."
