"""The files of a data set of the Hugging Face hub: `hf:OWNER/NAME`, with `@PART` for one of its configs or splits.

The card of a data set may list configs, each with the files of its splits. `allenai/c4` has the configs `en`, `de`, ...
Without a card, `@PART` is a folder of the data set, or a split that the names of its files tell.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from c4pipe.errors import UserError
from c4pipe.hub import PREFIX, DataSet
from c4pipe.shards.reading.split_names import split_of_file

DEFAULT = "default"
_PIECE = re.compile(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|[^*?\[]+|\[")


def files_of(data_set: DataSet, part: str | None) -> tuple[list[tuple[str, str | None]], str | None]:
    """(path in the data set, split) of the files, and the split that is asked for, if `part` is not a config or folder.

    Raises: UserError if it is not clear which config is meant.
    """
    configs = {str(config["config_name"]): config for config in data_set.configs if "config_name" in config}
    if part in configs:
        return list(_of_config(data_set, configs[part])), None
    if configs:
        return list(_of_config(data_set, configs[_default(data_set, configs, part)])), part
    inside = [file for file in data_set.files if part is not None and file.startswith(f"{part}/")]
    return _by_names(inside or data_set.files), None if inside else part


def _default(data_set: DataSet, configs: Mapping[str, Mapping[str, Any]], part: str | None) -> str:
    flagged = [name for name, config in configs.items() if config.get("default")]
    for name in [*flagged, DEFAULT, *(configs if len(configs) == 1 else ())]:
        if name in configs:
            return name
    raise UserError(
        f"{PREFIX}{data_set.name} has {'no config ' + repr(part) if part else 'several configs'}; name one as "
        f"{PREFIX}{data_set.name}@CONFIG: {', '.join(sorted(configs))}"
    )


def _of_config(data_set: DataSet, config: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """`data_files` is a glob, a list of globs, or a list of {split, path}; `data_dir` is their folder."""
    folder = f"{str(config['data_dir']).strip('/')}/" if config.get("data_dir") else ""
    given = config.get("data_files", "**")
    for entry in given if isinstance(given, list) else [given]:
        by_split = isinstance(entry, Mapping)
        patterns = entry.get("path", ()) if by_split else entry
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            matched = _matching(data_set.files, folder + str(pattern))
            yield from ((file, str(entry.get("split"))) for file in matched) if by_split else _by_names(matched)


def _by_names(files: Iterable[str]) -> list[tuple[str, str | None]]:
    return [(file, split_of_file(file.rsplit("/", 1)[-1])) for file in files]


def _matching(files: Iterable[str], pattern: str) -> list[str]:
    """The files that match a glob of a card, in which `*` is within a folder and `**` is any folders.

    >>> _matching(["a/x.json", "a/b/x.json", "x.json"], "a/*.json"), _matching(["a/x.json", "x.json"], "**/x.json")
    (['a/x.json'], ['a/x.json', 'x.json'])
    """
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    regular = "".join(
        parts.get(piece) or (piece if len(piece) > 2 and piece[0] == "[" else re.escape(piece))
        for piece in _PIECE.findall(pattern)
    )
    return sorted(file for file in files if re.fullmatch(regular, file))
