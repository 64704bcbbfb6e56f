import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks/bench_language.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench_language", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_row_is_measured_and_no_answer_differs(bench):
    pages = bench.made_pages(24)
    comparison = bench.Comparison()
    comparison.turn(pages)
    rows = comparison.rows
    assert rows[bench.PACKAGE].pages == 24
    assert rows[bench.BATCH].pages == 24 * bench.REPEATS
    assert [row.different for row in rows.values()] == [None, 0, 0]
    assert all(row.seconds > 0 for row in rows.values())
    lines = bench.table(rows).splitlines()
    assert len(lines) == 1 + len(bench.ROWS)


def test_pages_are_taken_evenly(bench):
    pages = [str(number) for number in range(10)]
    assert bench.evenly(pages, 4) == ["0", "2", "5", "7"]
    assert bench.evenly(pages, 0) == pages
    assert bench.evenly(pages, 99) == pages
