"""A table of tensors in safetensors files. Several processes can write it, each its own rows, into a file of its own.

Such a file says in its metadata `rows` which rows it has: a JSON object, tensor name -> [first row, rows of the whole].
A tensor that is not named there is whole.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from c4pipe import checked_json
from c4pipe.checked_json import Count
from model.architectures.parts import Part, part_of

_ROWS = "rows"
SUFFIX = ".safetensors"


def file_name(table: str, index: int, count: int) -> str:
    """The file of a table that the process `index` of `count` writes.

    >>> file_name("model.safetensors", 0, 1), file_name("model.safetensors", 0, 8)
    ('model.safetensors', 'model-00001-of-00008.safetensors')
    """
    return table if count == 1 else f"{table.removesuffix(SUFFIX)}-{index + 1:05d}-of-{count:05d}{SUFFIX}"


def names_of_table(table: str, names: Sequence[str] | Mapping[str, Any]) -> list[str]:
    """The files of a table among the names of a folder, in order; empty if there are none.

    Raises: ValueError if some files of the table are missing.
    """
    if table in names:
        return [table]
    pattern = re.compile(re.escape(table.removesuffix(SUFFIX)) + r"-\d{5}-of-(\d{5})" + re.escape(SUFFIX))
    matches = [match for match in map(pattern.fullmatch, sorted(names)) if match]
    if matches:
        count = int(matches[0][1])
        expected = [file_name(table, index, count) for index in range(min(count, len(names) + 1))]
        if [match[0] for match in matches] != expected:
            raise ValueError(f"only {len(matches)} of the {count} files of {table} are named")
    return [match[0] for match in matches]


def write(path: Path, tensors: Mapping[str, Tensor | Part]) -> None:
    """Write the rows of the tensors that this process has. Raises: OSError, such as for a full disk."""
    parts = {name: tensor if isinstance(tensor, Part) else part_of(tensor) for name, tensor in tensors.items()}
    rows = {name: [part.first_row, part.shape[0]] for name, part in parts.items() if part.num_parts > 1}
    metadata = {_ROWS: json.dumps(rows)} if rows else None
    save({name: part.rows.contiguous() for name, part in parts.items()}, path, metadata, str(path))


def save(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None, name: str) -> None:
    """Write a safetensors file. name: of the file, in errors. Raises: OSError, such as for a full disk."""
    try:
        safetensors.torch.save_file(tensors, path, metadata)
    except SafetensorError as error:
        # The system's error that safetensors wrapped, so that a full disk is reported as such.
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise OSError(f"{name}: {error}") from error
        raise OSError(int(number[1]), os.strerror(int(number[1])), name) from error


class _Stored(NamedTuple):
    file: Any
    first_row: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class _Rows:
    """The metadata of a file, for the check of its types."""

    rows: Mapping[str, tuple[Count, Annotated[int, checked_json.between(1, 1 << 40)]]]


class StoredTensors(Mapping[str, Tensor]):
    """The tensors of a table, which are read from its files when they are asked for, to the CPU.

    shapes: name -> shape of the whole tensor.
    Raises: OSError, ValueError or SafetensorError if a file is damaged, or if the files do not have all rows.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._parts: dict[str, list[_Stored]] = {}
        num_rows: dict[str, int] = {}
        for path in paths:
            file = safe_open(path, framework="pt")
            rows = json.loads((file.metadata() or {}).get(_ROWS, "{}"))
            described = checked_json.convert({"rows": rows}, _Rows).rows
            for name in file.keys():  # noqa: SIM118 (it is not a mapping)
                shape = tuple(file.get_slice(name).get_shape())
                first_row, total = described.get(name, (0, shape[0] if shape else 1))
                self._parts.setdefault(name, []).append(_Stored(file, first_row, shape))
                if num_rows.setdefault(name, total) != total:
                    raise ValueError(f"the files disagree about the rows of {name}")
        self.shapes = {name: _whole_shape(name, parts, num_rows[name]) for name, parts in self._parts.items()}

    def __getitem__(self, name: str) -> Tensor:
        if not self.shapes[name]:
            return self._parts[name][0].file.get_tensor(name)
        return self.rows(name, 0, self.shapes[name][0])

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def rows(self, name: str, start: int, stop: int) -> Tensor:
        """The rows from `start` to `stop` of a tensor."""
        if not self.shapes[name]:
            return self[name]
        found = []
        for file, first_row, shape in self._parts[name]:
            begin, end = max(start, first_row), min(stop, first_row + shape[0])
            if begin < end:
                found.append(file.get_slice(name)[begin - first_row : end - first_row])
        if not found:
            return self._parts[name][0].file.get_slice(name)[0:0]
        return found[0] if len(found) == 1 else torch.cat(found)


def _whole_shape(name: str, parts: list[_Stored], num_rows: int) -> torch.Size:
    """Raises: ValueError if the parts are not all rows, each once."""
    parts.sort(key=lambda part: part.first_row)
    shape = parts[0].shape
    if not shape and len(parts) == 1:
        return torch.Size()
    next_row = 0
    for part in parts:
        if not part.shape or part.first_row != next_row or part.shape[1:] != shape[1:]:
            raise ValueError(f"rows of {name} are missing or there twice")
        next_row += part.shape[0]
    if next_row != num_rows:
        raise ValueError(f"{name} has {next_row} of {num_rows} rows")
    return torch.Size((num_rows, *shape[1:]))


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    """The shapes of a table, without reading its tensors."""
    if isinstance(tensors, StoredTensors):
        return tensors.shapes
    return {name: tensor.shape for name, tensor in tensors.items()}


def num_values(tensors: Mapping[str, Tensor]) -> int:
    """The number of values in all tensors of a table."""
    return sum(map(prod, shapes_of(tensors).values()))
