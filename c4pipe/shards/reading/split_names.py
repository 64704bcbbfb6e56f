"""Finds the split of a file by its name, for the names of C4, the Hugging Face hub, GLUE and SuperGLUE."""

import re
from collections.abc import Sequence

from c4pipe.shards import files
from c4pipe.shards.reading import kinds
from c4pipe.split_names import HALVES, SPLIT_OF_NAME, TEST, TRAIN, VALIDATION

# The Hugging Face hub adds a hash after the numbers.
_NUMBERS = re.compile(r"(?P<prefix>.+?)[.-]\d{5,}-of-\d{5,}(-[0-9a-f]{16})?")
_VERSION = re.compile(r"v?\d+")


def split_of_file(name: str) -> str | None:
    """The split that the base name of a file tells, or None. A half of MNLI is kept after its split.

    >>> [split_of_file(name) for name in ("c4-train.00000-of-01024.json.gz", "c4-de-validation.00000-of-00001.json.gz")]
    ['train', 'de-validation']
    >>> [split_of_file(name) for name in ("validation-00000-of-00001.parquet", "dev.tsv", "test_matched.tsv")]
    ['validation', 'validation', 'test_matched']
    >>> [split_of_file(name) for name in ("sst2_val.jsonl", "train-v1.1.json", "latest.jsonl", "test_drive.jsonl")]
    ['validation', 'train', None, None]
    >>> split_of_file("sst2_with_test.jsonl"), split_of_file("my-own-test-00000-of-00001.parquet")
    (None, 'test')
    """
    stem = kinds.stem_of(name)
    numbered = _NUMBERS.fullmatch(stem)
    prefix = numbered["prefix"].removesuffix(".tfrecord") if numbered else stem
    if numbered and prefix.startswith("c4-"):
        return prefix.removeprefix("c4-")
    words = [word for word in re.split(r"[-_.]+", prefix.lower()) if word]
    while len(words) > 1 and _VERSION.fullmatch(words[-1]):
        words.pop()
    half = words.pop() if len(words) > 1 and words[-1] in HALVES else ""
    # Names of more words are not splits (`sst2_with_test`), unless they are numbered like a shard.
    split = SPLIT_OF_NAME.get(words[-1]) if words and (numbered or len(words) <= 2) else None
    return f"{split}_{half}" if split and half else split


def splits_of_files(paths: Sequence[str]) -> list[str | None]:
    """The split of each path, by its base name, or else by the name of its folder.

    Folders count only if there are several and all have names of splits, because a single folder `dev` may have any
    content.

    >>> splits_of_files(["sst2/train/0000.parquet", "sst2/validation/0000.parquet"])
    ['train', 'validation']
    >>> splits_of_files(["dev/a.jsonl", "dev/b.jsonl"]), splits_of_files(["train/a.jsonl", "mine/a.jsonl"])
    ([None, None], [None, None])
    """
    by_name = [split_of_file(files.base_name(path)) for path in paths]
    folders = [files.base_name(files.folder_of(path)) for path in paths]
    by_folder = {folder: split_of_file(folder) for folder in folders}
    if len(by_folder) == 1 or not all(by_folder.values()):
        return by_name
    return [split or by_folder[folder] for split, folder in zip(by_name, folders, strict=True)]


def is_validation(split: str | None) -> bool:
    """Whether a split is for validation: `validation` or `X-validation`."""
    return split is not None and (split == VALIDATION or split.endswith(f"-{VALIDATION}"))


def is_test(split: str | None) -> bool:
    """Whether a split is for tests: `test` or `X-test`."""
    return split is not None and (split == TEST or split.endswith(f"-{TEST}"))


def validation_of(split: str | None) -> str:
    """The validation split that belongs to a training split.

    >>> validation_of("de"), validation_of("train"), validation_of(None)
    ('de-validation', 'validation', 'validation')
    """
    return VALIDATION if split in (None, TRAIN) else f"{split}-{VALIDATION}"
