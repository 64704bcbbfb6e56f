"""Checks JSON that is read back against a type before any of it is used.

Types are frozen dataclasses. They are checked by msgspec: it is strict (`1.0`, `"1"` and `true` are not whole numbers),
and its wheel is small and has no dependencies, so that a Beam worker can have it. A trainer without msgspec uses
`plain_types` instead.
"""

import json
import threading
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, TypeVar

try:
    import msgspec
except ImportError:  # the trainer may run with few packages
    from c4pipe import plain_types as msgspec  # type: ignore[no-redef]

T = TypeVar("T")

# msgspec 0.22.0 can end the process if threads convert to the same new type at the same time, as in a Beam worker.
_ONE_AT_A_TIME = threading.Lock()

# A file name inside a folder: no separators, no control characters, no halves of surrogate pairs (which file systems
# refuse), not `.` and not `..`.
FileName = Annotated[str, msgspec.Meta(pattern=r"\A(?!\.{1,2}\Z)[^/\\\x00-\x1f\x7f\ud800-\udfff]{1,255}\Z")]
# A short word, such as the kind of a folder.
Word = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_.+-]{1,64}\Z")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]


def between(least: float, most: float) -> Any:
    """For `Annotated[int, between(1, 9)]`, also with float. Both ends are included."""
    return msgspec.Meta(ge=least, le=most)


def length_between(least: int, most: int) -> Any:
    """For `Annotated[str, length_between(1, 100)]`, also with lists and objects."""
    return msgspec.Meta(min_length=least, max_length=most)


def parse(content: bytes | str, kind: type[T], *, may_hold_more: bool = False) -> T:
    """A value of the type `kind` from JSON.

    may_hold_more: ignore names that the dataclass `kind` does not have.
    Raises: ValueError with a one-line message that tells the place of the fault in the JSON.
    """
    return convert(parse_any(content), kind, may_hold_more=may_hold_more)


def parse_any(content: bytes | str) -> Any:
    """Any JSON value. Raises: ValueError with a one-line message."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 ({error.reason})") from None


def convert(value: Any, kind: type[T], *, may_hold_more: bool = False) -> T:
    """As `parse`, for JSON that is already parsed."""
    if not may_hold_more and is_dataclass(kind) and isinstance(value, dict):
        unknown = sorted(set(value) - {field.name for field in fields(kind)})
        if unknown:
            raise ValueError(f"unknown field {unknown[0][:80]!r}")
    with _ONE_AT_A_TIME:
        return msgspec.convert(value, kind)
