"""`metrics.jsonl`: one object per line, in the order of steps, even if a run was killed and continued."""

import json
import math
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c4pipe import checked_json
from c4pipe.checked_json import Count
from c4pipe.shards import files


@dataclass(frozen=True)
class _Line:
    """The field that every line has; lines have more fields."""

    step: Count


class MetricsLog:
    """Appends lines to the metrics of a run. If the disk is full, it warns and tries the lines again later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending: list[str] = []
        self._warned = False

    def append(self, metrics: Mapping[str, Any]) -> None:
        """Write a line."""
        self._pending.append(json.dumps(_plain(metrics)) + "\n")
        try:
            end = self._path.stat().st_size if self._path.exists() else 0
            with open(self._path, "a", encoding="utf-8") as target:
                try:
                    target.write("".join(self._pending))
                    target.flush()
                except OSError:
                    os.truncate(self._path, end)  # half a line would damage the next line
                    raise
        except OSError as error:
            if not self._warned:
                warnings.warn(f"cannot write {self._path} ({error.strerror}); training continues", stacklevel=2)
            self._warned = True
        else:
            self._pending.clear()
            self._warned = False

    def rewind(self, step: int) -> None:
        """Remove the lines after a step, because a run that continues from there writes them again."""
        kept = [line for line in read(self._path) if line["step"] <= step]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        files.write_bytes(str(self._path), text.encode())


def read(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a `metrics.jsonl`. A cut last line is left out; any other damaged line gives a warning."""
    lines = []
    texts = path.read_bytes().splitlines() if path.exists() else []
    for number, text in enumerate(texts, 1):
        try:
            line = checked_json.parse_any(text)
            checked_json.convert(line, _Line, may_hold_more=True)
            lines.append(line)
        except ValueError as error:
            if number < len(texts):
                warnings.warn(f"{path}, line {number} is damaged ({error}) and left out", stacklevel=2)
    return lines


def _plain(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics with None for NaN and infinity, which JSON does not have."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in metrics.items()
    }
