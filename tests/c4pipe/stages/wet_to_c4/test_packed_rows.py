import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.util import assert_that

from c4pipe.corpus_run.keys import KINDS
from c4pipe.stages.wet_to_c4 import packed_rows
from c4pipe.stages.wet_to_c4.packed_rows import (
    MAX_ELEMENT_BYTES,
    EmitPacked,
    pack_places,
    packed_by_place,
    unpack_places,
)

ROWS = np.dtype([("place", "<u4"), ("value", "<u4")])


def rows_of(file: int) -> np.ndarray:
    """Rows of 50 places, one after the other."""
    return np.array([(place, 1000 * file + place) for place in range(50)], ROWS)


def place_of(rows: np.ndarray) -> np.ndarray:
    return rows["place"]


def unpacked(elements: list[tuple[int, bytes]]) -> list[tuple[int, int]]:
    """All rows, sorted; each must be in an element of its place."""
    found = [(place, np.frombuffer(packed, ROWS)) for place, packed in elements]
    assert all((rows["place"] == place).all() for place, rows in found)
    return sorted(row for _, rows in found for row in rows.tolist())


def emitted(num_files: int) -> list[tuple[int, bytes]]:
    step, found = EmitPacked(rows_of, place_of, ROWS), []
    step.start_bundle()
    for file in range(num_files):
        found += step.process(file)
    return found + [windowed.value for windowed in step.finish_bundle()]


def test_no_element_is_larger_than_its_bound_however_many_rows_meet_in_a_place():
    rows = np.zeros(3 * MAX_ELEMENT_BYTES, ROWS)
    rows["value"] = np.arange(len(rows))
    elements = packed_by_place(rows, rows["place"], ROWS)
    assert len(elements) > 1 and max(len(packed) for _, packed in elements) <= MAX_ELEMENT_BYTES
    assert unpacked(elements) == rows.tolist()


def test_without_rows_there_are_no_elements():
    assert packed_by_place(np.zeros(0, ROWS), np.zeros(0, int), ROWS) == []
    assert emitted(num_files=0) == []


@pytest.mark.parametrize("collected, elements", [(1, 350), (50 * ROWS.itemsize * 3, 150), (1 << 20, 50)])
def test_the_rows_of_several_files_share_elements(monkeypatch, collected, elements):
    monkeypatch.setattr(packed_rows, "COLLECTED_BYTES", collected)
    found = emitted(num_files=7)
    assert len(found) == elements
    assert unpacked(found) == sorted(row for file in range(7) for row in rows_of(file).tolist())


def test_a_pipeline_gets_the_rows_that_are_collected_when_a_bundle_ends():
    def is_whole(found):
        assert unpacked(found) == sorted(row for file in range(7) for row in rows_of(file).tolist())

    with beam.Pipeline() as pipeline:
        assert_that(pipeline | beam.Create(range(7)) | beam.ParDo(EmitPacked(rows_of, place_of, ROWS)), is_whole)


@pytest.mark.parametrize("kind", ["urls", "lines"])
def test_packed_losers_are_the_same_losers_and_some_two_bytes_each(kind):
    dtype, random = KINDS[kind].losers, np.random.default_rng(1)
    losers = np.zeros(1000, dtype)
    losers["file"] = 2**32 - 1
    for name in set(dtype.names) - {"file", "earlier"}:
        losers[name] = random.integers(0, 30, len(losers))
    losers["row"] = np.cumsum(losers["row"])
    losers["earlier"] = random.random(len(losers)) < 0.01
    packed = pack_places(losers)
    assert unpack_places(packed, dtype).tolist() == losers.tolist()
    assert len(packed) < 2.5 * len(losers)
    assert unpack_places(pack_places(losers[::-1]), dtype).tolist() == losers[::-1].tolist()
    assert len(unpack_places(pack_places(losers[:0]), dtype)) == 0
