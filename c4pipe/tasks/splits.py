"""Which split an example belongs to."""

import hashlib
from typing import Any

from c4pipe.tasks.task import MalformedRecord

TRAIN, VALIDATION, TEST = "train", "validation", "test"
VALIDATION_SHARE = 10
"""One in so many examples validates, where a record does not say."""

_NAMES = {
    "train": TRAIN,
    "training": TRAIN,
    "validation": VALIDATION,
    "valid": VALIDATION,
    "val": VALIDATION,
    "dev": VALIDATION,
    "development": VALIDATION,
    "test": TEST,
}


# Halves of a split, behind its name: MNLI's validation and test.
_HALVES = ("matched", "mismatched")


def half_of(told: Any) -> str:
    """
    >>> half_of("validation_mismatched"), half_of("test"), half_of(None)
    ('mismatched', '', '')
    """
    return _divided(told)[1]


def is_test(told: Any) -> bool:
    """Whether a told split is for tests."""
    return _NAMES.get(_divided(told)[0]) == TEST


def _divided(told: Any) -> tuple[str, str]:
    if not isinstance(told, str):
        return "", ""
    name = told.strip().lower()
    split, _, half = name.rpartition("_")
    return (split, half) if split and half in _HALVES else (name, "")


def split_of(inputs: str, told: Any = None) -> str:
    """The record's own split where it tells one, else by a hash of the inputs: equal inputs never lie in two splits.

    >>> split_of("anything", "dev")
    'validation'

    Raises: MalformedRecord if the record names a split that is not known.
    """
    if told is not None:
        name = _NAMES.get(_divided(told)[0])
        if name is None:
            raise MalformedRecord("unknown_split", f"split {told!r} is none of {', '.join(_NAMES)}")
        return name
    digest = hashlib.sha256(inputs.encode("utf-8", "surrogatepass")).digest()
    return VALIDATION if int.from_bytes(digest[:8], "little") % VALIDATION_SHARE == 0 else TRAIN
