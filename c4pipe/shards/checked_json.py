"""JSON that is read back is held against a type before anything of it is used.

Types are frozen dataclasses. msgspec compares: its wheel is a quarter of a megabyte without dependencies, so that a
Beam worker can have it, and it takes neither `1.0` nor `"1"` nor `true` for a whole number. A trainer without it does
the same by `plain_types`.
"""

import json
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, TypeVar

from c4pipe.errors import UserError
from c4pipe.shards import files

try:
    import msgspec
except ImportError:  # a trainer with few packages
    from c4pipe.shards import plain_types as msgspec  # type: ignore[no-redef]

T = TypeVar("T")

# A file name inside a folder: no separators, no control characters, no halves of surrogate pairs (which no file system
# takes), neither `.` nor `..`.
FileName = Annotated[str, msgspec.Meta(pattern=r"\A(?!\.{1,2}\Z)[^/\\\x00-\x1f\x7f\ud800-\udfff]{1,255}\Z")]
# A short word, such as the kind of a folder.
Word = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_.+-]{1,64}\Z")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]


def between(least: float, most: float) -> Any:
    """For `Annotated[int, between(1, 9)]` and the same of float: both ends belong to it."""
    return msgspec.Meta(ge=least, le=most)


def length_between(least: int, most: int) -> Any:
    """For `Annotated[str, length_between(1, 100)]`, and the same of lists and objects."""
    return msgspec.Meta(min_length=least, max_length=most)


def parse(content: bytes | str, kind: type[T], *, may_hold_more: bool = False) -> T:
    """A value of the type `kind` from JSON.

    may_hold_more: names that the dataclass `kind` does not know are passed over.
    Raises: ValueError, whose words are one line and say where in the JSON the fault is.
    """
    return convert(parse_any(content), kind, may_hold_more=may_hold_more)


def parse_any(content: bytes | str) -> Any:
    """Any JSON value. Raises: ValueError, whose words are one line."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 ({error.reason})") from None


def convert(value: Any, kind: type[T], *, may_hold_more: bool = False) -> T:
    """The same from JSON that is parsed already."""
    if not may_hold_more and is_dataclass(kind) and isinstance(value, dict):
        unknown = sorted(set(value) - {field.name for field in fields(kind)})
        if unknown:
            raise ValueError(f"unknown field {unknown[0][:80]!r}")
    return msgspec.convert(value, kind)


def read(path: str, kind: type[T], mend: str, *, may_hold_more: bool = False) -> T:
    """A value of the type `kind` from a JSON file.

    mend: what the user can do where the file is damaged.
    Raises: UserError if the file is not there or is not such JSON.
    """
    try:
        return parse(files.read_bytes(path), kind, may_hold_more=may_hold_more)
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); {mend}") from error
