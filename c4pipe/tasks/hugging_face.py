"""Reads raw records with the Hugging Face package `datasets`: `hf:PATH` or `hf:PATH/CONFIG`.

PATH is the name of a data set (`glue/sst2`, `stanfordnlp/imdb`, `aps/super_glue/cb`), which `datasets` downloads to its
own cache. (Folders written by `save_to_disk` are read without the package.)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from c4pipe.errors import UserError

PREFIX = "hf:"


def read_data_set(
    name: str, check: Callable[[Mapping[str, Sequence[str]]], None]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (split, record) of all splits, in the data set's order. Class numbers are replaced by their names.

    check: called before the first record of a split, with the class names of each column that has such.

    Raises: UserError if the package is missing or the data set cannot be opened.
    """
    try:
        import datasets
    except ImportError as error:
        raise UserError(f"{PREFIX}{name} needs the package datasets: pip install datasets") from error
    try:
        path, config = _path_and_config(name)
        found = datasets.load_dataset(path, config)
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"datasets cannot open {name!r}: {reason}; check the name and the network") from error
    splits = found if isinstance(found, datasets.DatasetDict) else {str(found.split or "train"): found}
    for split, rows in splits.items():
        names = {
            column: list(feature.names)
            for column, feature in rows.features.items()
            if isinstance(feature, datasets.ClassLabel) and feature.names
        }
        check(names)
        for row in rows:
            yield split, {column: _named(value, names.get(column)) for column, value in row.items()}


def _named(value: Any, names: Sequence[str] | None) -> Any:
    """The name of a class number. Other values stay, such as -1 for a hidden label."""
    return names[value] if names is not None and isinstance(value, int) and 0 <= value < len(names) else value


def _path_and_config(name: str) -> tuple[str, str | None]:
    """
    >>> _path_and_config("squad"), _path_and_config("glue/sst2"), _path_and_config("aps/super_glue/cb")
    (('squad', None), ('glue', 'sst2'), ('aps/super_glue', 'cb'))
    """
    parts = name.split("/")
    # A single slash is ambiguous: OWNER/NAME or NAME/CONFIG. The catalog's data sets (`Task.source`) have no owner.
    if len(parts) == 2 and parts[0] not in ("glue", "super_glue", "wmt14", "wmt15", "wmt16", "cnn_dailymail"):
        return name, None
    return "/".join(parts[: max(1, len(parts) - 1)]), parts[-1] if len(parts) > 1 else None
