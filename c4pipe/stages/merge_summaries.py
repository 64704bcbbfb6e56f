"""Merges the summaries of all files into one. They are read from the work folder, and only their names travel."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from c4pipe.report.summary import Summary
from c4pipe.stages.engine import beam
from c4pipe.stages.gather import Gather, read_gathered


class MergeSummaries(beam.PTransform):
    """(number, value) -> the path of the merged summary; one element, even if there are no inputs.

    path: see `Gather`. samples_per_rule: of the merged summary. read: value -> the `Summary` that it names.
    """

    def __init__(self, path: str, samples_per_rule: int, read: Callable[[Any], Summary]) -> None:
        super().__init__()
        self._path, self._samples_per_rule, self._read = path, samples_per_rule, read

    def expand(self, values):
        merge = partial(_merge, self._samples_per_rule)
        return values | Gather(self._path, partial(merge, self._read), partial(merge, Summary.from_json))


def read_summary(path: str) -> Summary:
    """The summary that `MergeSummaries` left."""
    return Summary.from_json(read_gathered(path))


def _merge(samples_per_rule: int, read: Callable[[Any], Summary], values: Iterable[Any]) -> dict[str, Any]:
    merged = Summary(samples_per_rule)
    for value in values:
        merged.merge(read(value))
    return merged.to_json()
