"""Replaces msgspec for `checked_json` on machines without it, because the trainer must run with few packages.

It is slower, and its error messages are shorter. For the types that c4pipe uses, it accepts and refuses the same
values.
"""

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Meta:
    """The bounds of an annotated type."""

    ge: float | None = None
    le: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None

    def check(self, value: Any, where: str) -> None:
        """Raises: ValueError if the value is out of bounds."""
        if self.ge is not None and not value >= self.ge:
            raise _fault(where, f"it is below {self.ge}")
        if self.le is not None and not value <= self.le:
            raise _fault(where, f"it is above {self.le}")
        if self.min_length is not None and len(value) < self.min_length:
            raise _fault(where, f"it is shorter than {self.min_length}")
        if self.max_length is not None and len(value) > self.max_length:
            raise _fault(where, f"it is longer than {self.max_length}")
        if self.pattern is not None and not re.search(self.pattern, value):
            raise _fault(where, f"{value[:80]!r} is not such a name")


def _fault(where: str, fault: str) -> ValueError:
    """An error whose message tells the place as msgspec's messages do."""
    return ValueError(fault if where == "$" else f"{fault} - at `{where}`")


def convert(value: Any, kind: Any, where: str = "$") -> Any:
    """The value converted to the type. where: its place in the JSON. Raises: ValueError with a one-line message.

    >>> convert({"1": [2]}, dict[str, tuple[int, ...]])
    {'1': (2,)}
    >>> convert(True, int)
    Traceback (most recent call last):
    ValueError: expected int, got bool
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any or kind is object:
        return value
    if origin is Annotated:
        converted = convert(value, arguments[0], where)
        for bounds in arguments[1:]:
            if isinstance(bounds, Meta):
                bounds.check(converted, where)
        return converted
    if origin in (Union, types.UnionType):
        return _one_of(value, arguments, where)
    if origin is Literal:
        if value in arguments and type(value) in {type(choice) for choice in arguments}:
            return value
        raise _fault(where, f"{value!r} is not one of {arguments}")
    if is_dataclass(kind) and isinstance(kind, type):
        return _record(value, kind, where)
    return _plain(value, kind, origin or kind, arguments, where)


def _one_of(value: Any, kinds: tuple[Any, ...], where: str) -> Any:
    fault: ValueError | None = None
    for kind in kinds:
        try:
            return convert(value, kind, where)
        except ValueError as error:
            # The fault of another type says more than that the value is not None.
            fault = error if fault is None or kind is not type(None) else fault
    raise fault or _fault(where, "no type fits")


def _record(value: Any, kind: type, where: str) -> Any:
    if not isinstance(value, dict):
        raise _fault(where, f"expected an object, got {type(value).__name__}")
    hints, found = get_type_hints(kind, include_extras=True), {}
    for entry in fields(kind):
        if entry.name in value:
            found[entry.name] = convert(value[entry.name], hints[entry.name], f"{where}.{entry.name}")
        elif entry.default is MISSING and entry.default_factory is MISSING:
            raise _fault(where, f"the field {entry.name!r} is missing")
    return kind(**found)


def _plain(value: Any, kind: Any, base: Any, arguments: tuple[Any, ...], where: str) -> Any:
    if base in (dict, Mapping) or (isinstance(base, type) and issubclass(base, Mapping)):
        if not isinstance(value, dict):
            raise _fault(where, f"expected an object, got {type(value).__name__}")
        of_key, of_value = arguments or (Any, Any)
        return {convert(key, of_key, where): convert(entry, of_value, f"{where}[...]") for key, entry in value.items()}
    if base in (list, tuple, Sequence):
        if not isinstance(value, list | tuple):
            raise _fault(where, f"expected an array, got {type(value).__name__}")
        return _array(value, base, arguments, where)
    if kind in (None, type(None)):
        if value is None:
            return None
    elif kind is float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _as_float(value, where)
    elif type(value) is kind:
        return value
    raise _fault(where, f"expected {getattr(kind, '__name__', kind)}, got {type(value).__name__}")


def _as_float(value: float, where: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise _fault(where, "the number is out of range") from None


def _array(value: Any, base: Any, arguments: tuple[Any, ...], where: str) -> Any:
    if base is tuple and arguments and arguments[-1] is not Ellipsis:
        if len(value) != len(arguments):
            raise _fault(where, f"expected {len(arguments)} entries, got {len(value)}")
        return tuple(convert(entry, kind, f"{where}[...]") for entry, kind in zip(value, arguments, strict=True))
    of_entry = arguments[0] if arguments else Any
    entries = [convert(entry, of_entry, f"{where}[...]") for entry in value]
    return tuple(entries) if base is tuple else entries
