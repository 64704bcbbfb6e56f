"""Which split a page belongs to: a function of its address alone, so that no run and no order can move it."""

import hashlib

TRAIN = "train"
VALIDATION = "validation"
_ONE_IN = 1000


def url_hash(normalized_url: str) -> int:
    """The md5 of an address as one large number, as the reference counts in it."""
    return int.from_bytes(hashlib.md5(normalized_url.encode("utf-8", "surrogatepass")).digest(), "big")


def is_validation(normalized_url: str) -> bool:
    """Whether the page is one of the 0.1% that are held out (the reference's `validation_predicate_fn`)."""
    return url_hash(normalized_url) % _ONE_IN == 0


def split_of(normalized_url: str, language: str | None = None) -> str:
    """The split's name: `train` or `validation`; with a language (multilingual), `de` or `de-validation`."""
    held_out = is_validation(normalized_url)
    if language is None:
        return VALIDATION if held_out else TRAIN
    return f"{language}-{VALIDATION}" if held_out else language
