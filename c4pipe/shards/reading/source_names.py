"""Parses the names of data sources on the command line: `PATH[@SPLIT][:WEIGHT]`, several separated by commas.

Text, tasks and examples have the same grammar. The reader decides what a path, a split or a weight means.

A colon and a number at the end are the weight, except if they are the port of a URL that is only a host
(`http://host:8080`). The split comes after an `@` in the last part of the path. It does not end like a file name, so
`mail@example.jsonl` is a path. A comma in a path is written `\\,`. After a path that ends in a colon and a number,
write `:1`.
"""

import re
from dataclasses import dataclass

from c4pipe.errors import UserError
from c4pipe.shards.reading import kinds

DATA_SET = "hf:"
_SPLIT = re.compile(r"[^/*?\[\]]+")
_COMMA = re.compile(r"(?<!\\),")
# Schemes whose first part is a host, which may have a port and a user. In other schemes, it is a bucket.
_WITH_HOST = re.compile(r"(http|https|ftp|sftp|hdfs|webhdfs|smb|ssh)://[^/]*")


@dataclass(frozen=True)
class SourceName:
    """A parsed source. split: None if none was given. weight: 1 if none was given."""

    path: str
    split: str | None = None
    weight: float = 1.0

    @property
    def place(self) -> str:
        """The source without its weight: path and split."""
        return f"{self.path}@{self.split}" if self.split is not None else self.path


def parse_source_names(text: str) -> list[SourceName]:
    """
    >>> parse_source_names("c4/en:10,gs://bucket/c4@de:0.5")
    ... # doctest: +NORMALIZE_WHITESPACE
    [SourceName(path='c4/en', split=None, weight=10.0),
     SourceName(path='gs://bucket/c4', split='de', weight=0.5)]

    Raises: UserError if a source is empty or its weight is not a number above 0.
    """
    return [parse_source_name(part.replace("\\,", ",")) for part in _COMMA.split(text)]


def parse_source_name(text: str) -> SourceName:
    """
    >>> parse_source_name("s3://a:1"), parse_source_name("hf:glue/sst2@train:2"), parse_source_name("http://host:8080")
    ... # doctest: +NORMALIZE_WHITESPACE
    (SourceName(path='s3://a', split=None, weight=1.0),
     SourceName(path='hf:glue/sst2', split='train', weight=2.0),
     SourceName(path='http://host:8080', split=None, weight=1.0))
    >>> parse_source_name("mail@example.jsonl"), parse_source_name("c4/*.json.gz@validation")
    ... # doctest: +NORMALIZE_WHITESPACE
    (SourceName(path='mail@example.jsonl', split=None, weight=1.0),
     SourceName(path='c4/*.json.gz', split='validation', weight=1.0))
    """
    place, weight = _weight_of(text)
    path, split = _split_of(place)
    if not path.removeprefix(DATA_SET):
        raise UserError(f"{text!r} names no source; give PATH[@SPLIT][:weight], with commas between several")
    return SourceName(path, split, weight)


def _weight_of(text: str) -> tuple[str, float]:
    scheme = DATA_SET if text.startswith(DATA_SET) else ""
    rest = text.removeprefix(scheme)
    place, colon, tail = rest.rpartition(":")
    if not colon or "/" in tail or _WITH_HOST.fullmatch(rest):
        return text, 1.0
    try:
        weight = float(tail)
    except ValueError:
        raise UserError(
            f"{text!r}: after the colon comes a weight such as 0.5, not {tail!r}; add :1 to a path with a colon"
        ) from None
    if not 0 < weight < float("inf"):
        raise UserError(f"{text!r}: a weight must be a number above 0")
    return scheme + place, weight


def _split_of(place: str) -> tuple[str, str | None]:
    path, mark, split = place.rpartition("@")
    if mark and path and _SPLIT.fullmatch(split) and not kinds.kind_of(split) and not _WITH_HOST.fullmatch(place):
        return path, split
    return place, None


def no_weights(sources: list[SourceName], why: str) -> list[SourceName]:
    """The sources, unchanged. For commands that do not take weights.

    Raises: UserError with the reason `why` if a source has a weight.
    """
    for source in sources:
        if source.weight != 1.0:
            raise UserError(f"{source.place}:{source.weight:g} has a weight: {why}")
    return sources
