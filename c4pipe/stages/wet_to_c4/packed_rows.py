"""Keys and losers as they cross a runner's shuffle: rows of numpy, packed, under the place where they meet."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import zstandard

from c4pipe.stages.engine import beam

# The largest element of packed keys or losers in the runner's shuffle, for WET files of any size. Engines refuse
# records that are larger than their sort buffers. Flink's smallest have ten segments of 4 KiB.
MAX_ELEMENT_BYTES = 16 << 10
# A worker collects so many bytes of rows before it packs them. The more places there are, the smaller elements would be
# without this, and engines take longer for many small elements than for their bytes.
COLLECTED_BYTES = 8 << 20
# The fastest level of zstd.
_LEVEL = 1


def packed_by_place(
    rows: np.ndarray, places: np.ndarray, dtype: np.dtype, pack: Callable[[np.ndarray], bytes] = np.ndarray.tobytes
) -> list[tuple[int, bytes]]:
    """Rows as (place, packed rows), in elements of at most `MAX_ELEMENT_BYTES`, for each place that has any.

    places: (n,) of the rows. dtype: of the rows. pack: packs the rows of an element.
    """
    order = np.argsort(places, kind="stable")
    # The dtype is set again, because numpy's concatenate may have changed the byte order to this machine's.
    ordered, places = rows[order].astype(dtype, copy=False), places[order]
    edges = np.flatnonzero(np.diff(places)) + 1
    parts = zip(np.split(places, edges), np.split(ordered, edges), strict=True)
    return [element for place, part in parts if len(part) for element in _elements(int(place[0]), part, pack)]


def _elements(place: int, rows: np.ndarray, pack: Callable[[np.ndarray], bytes]) -> Iterator[tuple[int, bytes]]:
    most_rows = MAX_ELEMENT_BYTES // rows.itemsize
    for start in range(0, len(rows), most_rows):
        yield place, pack(rows[start : start + most_rows])


def pack_places(rows: np.ndarray) -> bytes:
    """Rows of numbers and flags, compressed. If they are sorted, they take some two bytes each.

    Python workers keep what they have sent and an engine has not yet taken (up to 200 MB with Beam 2.77), so losers are
    made small.
    """
    columns = [rows[name] for name in rows.dtype.names or ()]
    return zstandard.compress(b"".join(_differences(column).tobytes() for column in columns), _LEVEL)


def _differences(column: np.ndarray) -> np.ndarray:
    return np.diff(column, prepend=column.dtype.type(0)) if column.dtype.kind == "u" else column


def unpack_places(packed: bytes, dtype: np.dtype) -> np.ndarray:
    """The rows that were packed, (n,) of the dtype."""
    content, start = zstandard.decompress(packed), 0
    rows = np.empty(len(content) // dtype.itemsize, dtype)
    for name in dtype.names or ():
        column = np.frombuffer(content, dtype[name], len(rows), start)
        start += column.nbytes
        # Unsigned sums wrap around, as the differences did.
        rows[name] = np.cumsum(column, dtype=column.dtype) if column.dtype.kind == "u" else column
    return rows


class EmitPacked(beam.DoFn):
    """Elements -> (place, packed rows), for the runner's shuffle.

    rows: gives the rows of an element, (n,) of `dtype`. places: gives the place of each row, (n,) integers. pack: packs
    the rows of a place.
    """

    def __init__(
        self,
        rows: Callable[[Any], np.ndarray],
        places: Callable[[np.ndarray], np.ndarray],
        dtype: np.dtype,
        pack: Callable[[np.ndarray], bytes] = np.ndarray.tobytes,
    ) -> None:
        self._rows, self._places, self._dtype, self._pack = rows, places, dtype, pack

    def start_bundle(self):
        self._collected: list[np.ndarray] = []
        self._num_bytes = 0

    def process(self, element):
        rows = self._rows(element)
        self._collected.append(rows)
        self._num_bytes += rows.nbytes
        if self._num_bytes >= COLLECTED_BYTES:
            yield from self._packed()

    def finish_bundle(self):
        for element in self._packed():
            yield beam.transforms.window.GlobalWindows.windowed_value(element)

    def _packed(self) -> list[tuple[int, bytes]]:
        rows = np.concatenate([np.empty(0, self._dtype), *self._collected]).astype(self._dtype, copy=False)
        self._collected, self._num_bytes = [], 0
        return packed_by_place(rows, self._places(rows), self._dtype, self._pack)
