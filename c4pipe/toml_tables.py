"""Reads TOML files strictly: recipes, mixtures of denoisers, and plans of searches.

Every error is one line, which says where the fault is and what is possible there.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from c4pipe import checked_json
from c4pipe.choices import did_you_mean
from c4pipe.errors import UserError

T = TypeVar("T")

_PLACE = re.compile(r"\A(?P<fault>.*?)(?: - at `\$(?P<place>.*)`)?\Z", re.DOTALL)


def parse_toml(text: str | bytes, where: str) -> dict[str, Any]:
    """The table of a TOML file. where: the name of the file in errors.

    Raises: UserError if it is not TOML, or if this Python cannot read TOML.
    """
    try:
        import tomllib
    except ImportError:  # Python 3.10
        try:
            import tomli as tomllib  # type: ignore[no-redef]
        except ImportError as error:
            raise UserError(f"{where}: TOML files need tomli on Python 3.10: pip install tomli") from error
    try:
        return tomllib.loads(text.decode() if isinstance(text, bytes) else text)
    except ValueError as error:
        raise UserError(f"{where} is not TOML: {error}") from error


def converted(
    table: Any, kind: type[T], where: str, *, required: Sequence[str] | None = None, read_apart: Sequence[str] = ()
) -> T:
    """An instance of a dataclass from a table.

    where: the place in the file, for errors. required: keys that the table must have; None: those of the fields without
    a default. read_apart: fields that the caller reads itself; they keep their defaults.
    Raises: UserError for unknown, missing and mistyped keys, and for values that their types do not allow.
    """
    if not isinstance(table, Mapping):
        raise UserError(f"{where} is not a table")
    entries = [entry for entry in fields(kind) if entry.name not in read_apart]  # type: ignore[arg-type]
    if required is None:
        required = [entry.name for entry in entries if entry.default is MISSING and entry.default_factory is MISSING]
    keys = [*(entry.name for entry in entries), *read_apart]
    _check_known(table, keys, where)
    if missing := [key for key in required if key not in table]:
        raise UserError(f"{where}: {', '.join(missing)} not given; the keys are {', '.join(keys)}")
    hints = get_type_hints(kind, include_extras=True)
    return kind(**{key: _value(value, hints[key], f"{where}: {key}") for key, value in table.items()})


def _check_known(table: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in table:
        if key not in keys:
            raise UserError(f"{where}: unknown key {key!r}{did_you_mean(key, keys)} The keys are {', '.join(keys)}")


def _value(value: Any, hint: Any, where: str) -> Any:
    """A field's value, checked against its type. Neither `"1"` nor `true` nor `inf` is a number."""
    if isinstance(value, Mapping):
        # Keys that a dataclass does not have are ignored when a value is converted.
        for part in filter(is_dataclass, (hint, *get_args(hint))):
            _check_known(value, [entry.name for entry in fields(part)], where)
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{where}: {value} is not a number")
    try:
        return checked_json.convert(value, hint)
    except ValueError as error:
        found = _PLACE.match(str(error))
        assert found is not None  # the expression matches any text
        raise UserError(f"{where}{found['place'] or ''}: {found['fault']}{_choices(hint)}") from error


def _choices(hint: Any) -> str:
    """The end of an error message: the words that are possible for a field, if it takes only certain words."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        return f"; it is one of {', '.join(str(choice.value) for choice in hint)}"
    if get_origin(hint) is Literal:
        return f"; it is one of {', '.join(get_args(hint))}"
    words = [word for part in get_args(hint) if get_origin(part) is Literal for word in get_args(part)]
    return f"; it is a number, or {', '.join(words)}" if words else ""
