from benchmarks import bench_language as bench


def test_every_row_is_measured_and_no_answer_differs():
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


def test_pages_are_taken_evenly():
    pages = [str(number) for number in range(10)]
    assert bench.evenly(pages, 4) == ["0", "2", "5", "7"]
    assert bench.evenly(pages, 0) == pages
    assert bench.evenly(pages, 99) == pages
