"""Recognises kinds of files with records by the endings of their names."""

from c4pipe import compression

JSON, TSV, CSV, TEXT, PARQUET, ARROW = "json", "tsv", "csv", "text", "parquet", "arrow"
# Ending of the name -> kind. Files of lines may be compressed.
_OF_LINES = {".jsonl": JSON, ".ndjson": JSON, ".json": JSON, ".tsv": TSV, ".csv": CSV, ".txt": TEXT}
_TABLES = {".parquet": PARQUET, ".arrow": ARROW, ".feather": ARROW}
TABLES = (PARQUET, ARROW)
IN_WORDS = ".jsonl .json .tsv .csv .txt (each also with .gz .zst .bz2 .xz) .parquet .arrow"


def kind_of(path: str) -> str | None:
    """The kind of a file, or None.

    >>> [kind_of(name) for name in ("a.jsonl", "c4-train.00000-of-00001.json.gz", "b.parquet", "b.parquet.gz", "c.md")]
    ['json', 'json', 'parquet', None, None]
    """
    path = path.partition("?")[0] if "://" in path else path
    table = next((kind for ending, kind in _TABLES.items() if path.endswith(ending)), None)
    if table is not None:
        return table
    bare = _without_compression(path)
    return next((kind for ending, kind in _OF_LINES.items() if bare.endswith(ending)), None)


def stem_of(name: str) -> str:
    """A base name without the endings that tell its kind and compression.

    >>> stem_of("dev.tsv.gz"), stem_of("validation-00000-of-00001.parquet"), stem_of("train-v1.1.json")
    ('dev', 'validation-00000-of-00001', 'train-v1.1')
    """
    bare = _without_compression(name)
    for ending in (*_OF_LINES, *_TABLES):
        if bare.endswith(ending):
            return bare[: -len(ending)]
    return bare


def _without_compression(path: str) -> str:
    for ending in compression.ENDINGS:
        if path.endswith(ending):
            return path[: -len(ending)]
    return path
