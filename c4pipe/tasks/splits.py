"""Which split an example belongs to."""

import hashlib
from typing import Any

from c4pipe.split_names import HALVES, SPLIT_OF_NAME, TEST, TRAIN, VALIDATION
from c4pipe.tasks.task import MalformedRecord

VALIDATION_SHARE = 10
"""If a record does not name its split, one in this many examples goes to validation."""


def half_of(split: Any) -> str:
    """
    >>> half_of("validation_mismatched"), half_of("test"), half_of(None)
    ('mismatched', '', '')
    """
    return _divided(split)[1]


def is_test(split: Any) -> bool:
    """Whether the name of a split means a test split."""
    return SPLIT_OF_NAME.get(_divided(split)[0]) == TEST


def _divided(split: Any) -> tuple[str, str]:
    if not isinstance(split, str):
        return "", ""
    name = split.strip().lower()
    split, _, half = name.rpartition("_")
    return (split, half) if split and half in HALVES else (name, "")


def split_of(inputs: str, named: Any = None) -> str:
    """The split that a record names; if it names none, a hash of the inputs decides, so equal inputs share a split.

    >>> split_of("anything", "dev")
    'validation'

    Raises: MalformedRecord if the record names a split that is not known.
    """
    if named is not None:
        name = SPLIT_OF_NAME.get(_divided(named)[0])
        if name is None:
            raise MalformedRecord("unknown_split", f"split {named!r} is none of {', '.join(SPLIT_OF_NAME)}")
        return name
    digest = hashlib.sha256(inputs.encode("utf-8", "surrogatepass")).digest()
    return VALIDATION if int.from_bytes(digest[:8], "little") % VALIDATION_SHARE == 0 else TRAIN
