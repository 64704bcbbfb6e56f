"""Reads JSON files of ours and of other tools: each is checked against a type before any of it is used."""

from typing import TypeVar

from c4pipe.checked_json import parse
from c4pipe.errors import UserError
from c4pipe.shards import files

T = TypeVar("T")


def read(path: str, kind: type[T], mend: str, *, may_hold_more: bool = False) -> T:
    """A value of the type `kind` from a JSON file.

    mend: for the error message, what the user can do if the file is damaged.
    Raises: UserError if the file is missing, or is not JSON of this type.
    """
    try:
        return parse(files.read_bytes(path), kind, may_hold_more=may_hold_more)
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); {mend}") from error
