"""Which split a page belongs to. It depends on the page's URL alone, so it is the same in every run and order."""

import hashlib

TRAIN = "train"
VALIDATION = "validation"
_ONE_IN = 1000


def url_hash(normalized_url: str) -> int:
    """The md5 of a URL as one large number, as the reference uses it."""
    return int.from_bytes(hashlib.md5(normalized_url.encode("utf-8", "surrogatepass")).digest(), "big")


def is_validation(normalized_url: str) -> bool:
    """Whether the page belongs to the 0.1% for validation (reference: `validation_predicate_fn`)."""
    return url_hash(normalized_url) % _ONE_IN == 0


def split_of(normalized_url: str, language: str | None = None) -> str:
    """The split's name: `train` or `validation`; with a language (multilingual), such as `de` or `de-validation`."""
    validates = is_validation(normalized_url)
    if language is None:
        return VALIDATION if validates else TRAIN
    return f"{language}-{VALIDATION}" if validates else language


def train_split_of(split: str) -> str:
    """The training split that belongs to a split. If each language has its own splits, this is the language's code.

    >>> train_split_of("de-validation"), train_split_of("zh-Latn")
    ('de', 'zh-Latn')
    """
    return split.removesuffix(f"-{VALIDATION}")
