"""Raw records by the Hugging Face `datasets` package, where it is installed: `hf:PATH` or `hf:PATH/CONFIG`.

PATH is a folder that `save_to_disk` wrote, or the name of a data set (`glue/sst2`, `stanfordnlp/imdb`,
`aps/super_glue/cb`), which `datasets` downloads to its own cache.
"""

import os
from collections.abc import Iterator
from typing import Any

from c4pipe.errors import UserError

PREFIX = "hf:"
# How data sets call what is a validation split here.
_SPLITS = {"dev": "validation", "valid": "validation", "validation_matched": "validation"}


def read_data_set(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(split, record) of every split, in the data set's order.

    Raises: UserError where the package is missing or the data set cannot be opened.
    """
    try:
        import datasets
    except ImportError as error:
        raise UserError(f"{PREFIX}{name} needs the package datasets: pip install datasets") from error
    try:
        if os.path.isdir(name):
            found = datasets.load_from_disk(name)
        else:
            path, config = _path_and_config(name)
            found = datasets.load_dataset(path, config)
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"datasets cannot open {name!r}: {reason}; check the name and the network") from error
    splits = found if isinstance(found, datasets.DatasetDict) else {str(found.split or "train"): found}
    for split, rows in splits.items():
        for row in rows:
            yield _SPLITS.get(split, split), row


def _path_and_config(name: str) -> tuple[str, str | None]:
    """
    >>> _path_and_config("squad"), _path_and_config("glue/sst2"), _path_and_config("aps/super_glue/cb")
    (('squad', None), ('glue', 'sst2'), ('aps/super_glue', 'cb'))
    """
    parts = name.split("/")
    # A single slash is ambiguous: the data sets of the catalog (`Task.source`) have no owner before it.
    if len(parts) == 2 and parts[0] not in ("glue", "super_glue", "wmt14", "wmt15", "wmt16", "cnn_dailymail"):
        return name, None
    return "/".join(parts[: max(1, len(parts) - 1)]), parts[-1] if len(parts) > 1 else None
