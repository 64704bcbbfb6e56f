"""Gathers what is known of many files in one JSON file, so that no element grows with the number of files.

Engines limit the size of an element: Flink to the memory in which it sorts, others to a few megabytes. So the values
are joined in groups, each group is written to a file, and only the numbers of groups travel to the worker that joins
them.
"""

import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from c4pipe.shards import files
from c4pipe.stages.engine import beam

# The number of values in a group. A crawl has 64,000 WET files, so there are at most some thousand groups.
_GROUP_SIZE = 64


class Gather(beam.PTransform):
    """(number, value) -> one element, the path of a JSON file; also if there are no values.

    path: the beginning of the paths of the files. The files are written anew by each run. join_values: the values of a
    group, ordered by their numbers -> a JSON value. join_groups: such JSON values, in order -> one of the same kind.
    """

    def __init__(
        self, path: str, join_values: Callable[[Iterable[Any]], Any], join_groups: Callable[[Iterable[Any]], Any]
    ) -> None:
        super().__init__()
        self._path, self._join_values, self._join_groups = path, join_values, join_groups

    def expand(self, values):
        return (
            values
            | "To groups" >> beam.Map(lambda numbered: (numbered[0] // _GROUP_SIZE, numbered))
            | beam.GroupByKey()
            | "Join values" >> beam.Map(partial(_write_group, self._path, self._join_values))
            | "All groups" >> beam.combiners.ToList()
            | "Join groups" >> beam.Map(partial(_write_all, self._path, self._join_groups))
        )


def read_gathered(path: str) -> Any:
    """The JSON value that `Gather` left."""
    return json.loads(files.read_bytes(path))


def chained(lists: Iterable[Iterable[Any]]) -> list[Any]:
    """The items of all lists, in order."""
    return [item for items in lists for item in items]


def _path_of(path: str, group: int) -> str:
    return f"{path}-{group:06d}.json"


def _write_group(path: str, join_values, element) -> int:
    group, numbered = element
    joined = join_values(value for _, value in sorted(numbered, key=lambda item: item[0]))
    files.write_bytes(_path_of(path, group), json.dumps(joined).encode())
    return group


def _write_all(path: str, join_groups, groups: list[int]) -> str:
    joined = join_groups(read_gathered(_path_of(path, group)) for group in sorted(groups))
    files.write_bytes(f"{path}.json", json.dumps(joined).encode())
    return f"{path}.json"
