"""File names of shards: `c4-train.00007-of-01024.json.gz`, `train-00007-of-01024.arrow`."""

import re

_NUMBERED = re.compile(r"(?P<prefix>.+)[.-](?P<index>\d{5,})-of-(?P<count>\d{5,})(?P<extension>\..+)")

PROVENANCE_FOLDER, KEYS_FOLDER = "_provenance", "_keys"


def text_shard(split: str, index: int, count: int, extension: str) -> str:
    """The name of a text shard, as in AllenAI's C4.

    >>> text_shard("train", 7, 1024, ".json.gz")
    'c4-train.00007-of-01024.json.gz'
    """
    return f"c4-{split}.{index:05d}-of-{count:05d}{extension}"


def example_shard(split: str, index: int, count: int) -> str:
    """
    >>> example_shard("train", 7, 1024)
    'train-00007-of-01024.arrow'
    """
    return f"{split}-{index:05d}-of-{count:05d}.arrow"


def provenance(split: str, index: int, count: int) -> str:
    """The provenance file of a text shard, relative to its folder. It tells the origin of each row.

    Its folder begins with `_`, because readers of a whole folder (Spark, Arrow, polars) skip such names.

    >>> provenance("train", 7, 1024)
    '_provenance/provenance-train.00007-of-01024.parquet'
    """
    return f"{PROVENANCE_FOLDER}/{older_provenance(split, index, count)}"


def older_provenance(split: str, index: int, count: int) -> str:
    """The provenance file as older versions wrote it, beside the text shard.

    >>> older_provenance("train", 7, 1024)
    'provenance-train.00007-of-01024.parquet'
    """
    return f"provenance-{split}.{index:05d}-of-{count:05d}.parquet"


def keys(kind: str, index: int, count: int) -> str:
    """A file with keys of a corpus, relative to the corpus's folder. kind: `urls` or `lines`.

    >>> keys("lines", 7, 64)
    '_keys/lines-00007-of-00064.keys'
    """
    return f"{KEYS_FOLDER}/{kind}-{index:05d}-of-{count:05d}.keys"


def parse(name: str) -> tuple[str, int, int, str] | None:
    """(prefix, index, count, extension) of a shard's name, or None.

    >>> parse("c4-train.00007-of-01024.json.gz")
    ('c4-train', 7, 1024, '.json.gz')
    """
    match = _NUMBERED.fullmatch(name)
    if match is None:
        return None
    return match["prefix"], int(match["index"]), int(match["count"]), match["extension"]
