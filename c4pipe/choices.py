"""One thing of many by its name, and the same answer everywhere to a name that is not there."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from c4pipe.errors import UserError

Chosen = TypeVar("Chosen")
_SIMILAR = 0.55


def choose(kind: str, name: str, table: Mapping[str, Chosen]) -> Chosen:
    """What a table has under a name. kind: what its entries are, in a word.

    >>> choose("objective", "lm", {"lm": 1, "prefix_lm": 2})
    1

    Raises: UserError if it has none of that name.
    """
    check_choice(kind, name, table)
    return table[name]


def check_choice(kind: str, name: str, names: Iterable[str]) -> None:
    """Raises: UserError if a name is not one of those there are."""
    known = list(names)
    if name not in known:
        raise UserError(f"unknown {kind} {name!r}{did_you_mean(name, known)} There are {', '.join(known)}")


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The end of a clause, with the most similar name where one is similar.

    >>> did_you_mean("adamx", ["adamw", "adafactor"]), did_you_mean("x", ["adamw"])
    ('; did you mean adamw?', '.')
    """
    similar = difflib.get_close_matches(name, list(names), n=1, cutoff=_SIMILAR)
    return f"; did you mean {similar[0]}?" if similar else "."
