"""How a source of data is named on a command line: `PATH[@SPLIT][:WEIGHT]`, several with commas between.

One grammar for text, tasks and examples; what a path, a split or a weight means is the reader's affair.

A colon and a number at the end are the weight, unless they are the port of a server that is named alone
(`http://host:8080`). The split stands behind an `@` in the last part of the path and does not end like the name of a
file, so that `mail@example.jsonl` is one. A comma of a path is written `\\,`; a path that ends in a colon and a number
takes `:1` behind it.
"""

import re
from dataclasses import dataclass

from c4pipe.errors import UserError
from c4pipe.shards.reading import kinds

DATA_SET = "hf:"
_SPLIT = re.compile(r"[^/*?\[\]]+")
_COMMA = re.compile(r"(?<!\\),")
# Schemes whose first part is a host, which may have a port and a user; of the others it is a bucket.
_WITH_HOST = re.compile(r"(http|https|ftp|sftp|hdfs|webhdfs|smb|ssh)://[^/]*")


@dataclass(frozen=True)
class SourceName:
    """What was asked for. split: None if none was named. weight: 1 where none was given."""

    path: str
    split: str | None = None
    weight: float = 1.0

    @property
    def place(self) -> str:
        """Path and split, as a source is named without its weight."""
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
    where, weight = _weight_of(text)
    path, split = _split_of(where)
    if not path.removeprefix(DATA_SET):
        raise UserError(f"{text!r} names no source; give PATH[@SPLIT][:weight], with commas between several")
    return SourceName(path, split, weight)


def _weight_of(text: str) -> tuple[str, float]:
    scheme = DATA_SET if text.startswith(DATA_SET) else ""
    rest = text.removeprefix(scheme)
    where, colon, tail = rest.rpartition(":")
    if not colon or "/" in tail or _WITH_HOST.fullmatch(rest):
        return text, 1.0
    try:
        weight = float(tail)
    except ValueError:
        raise UserError(
            f"{text!r}: after the colon stands a weight such as 0.5, not {tail!r}; write :1 behind a path with a colon"
        ) from None
    if not 0 < weight < float("inf"):
        raise UserError(f"{text!r}: a weight must be a number above 0")
    return scheme + where, weight


def _split_of(where: str) -> tuple[str, str | None]:
    path, mark, split = where.rpartition("@")
    if mark and path and _SPLIT.fullmatch(split) and not kinds.kind_of(split) and not _WITH_HOST.fullmatch(where):
        return path, split
    return where, None


def no_weights(sources: list[SourceName], why: str) -> list[SourceName]:
    """The sources.

    Raises: UserError with `why` where one has a weight that this command cannot take.
    """
    for source in sources:
        if source.weight != 1.0:
            raise UserError(f"{source.place}:{source.weight:g} has a weight: {why}")
    return sources
