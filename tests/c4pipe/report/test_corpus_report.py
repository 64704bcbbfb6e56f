from c4pipe.report import corpus_report
from c4pipe.report.summary import Summary


def counted() -> Summary:
    """Ten records: one broken, one without a URL, two copies of a URL; one page is dropped for its language."""
    summary = Summary()
    summary.totals["records"] = 10
    summary.counters.update({"quarantine/invalid_utf8": 1, "split-wet-file/filtered:no_url": 1})
    summary.volume("split-wet-file/no_url").pages = 1
    for stage, pages in (
        ("split-wet-file", 8),
        ("too-long-filter", 8),
        ("duplicate-url-filter", 7),
        ("english-filter", 6),
    ):
        summary.counters[f"{stage}/passed"] = pages
        summary.volume(stage).add(lines=10 * pages, size=100 * pages, pages=pages)
    summary.counters["duplicate-url-filter/filtered"] = 1
    summary.volume("duplicate-url-filter/other_copy_stays").add(10, 100)
    summary.volume("english-filter/ignored_language").add(10, 100)
    summary.volume("split:train").add(lines=60, size=600, pages=6)
    return summary


def test_what_adds_up_passes():
    report = corpus_report.build(counted(), {"train": 1, "validation": 1}, 0.01, finished=True, wet_parser="tfds")
    assert len(report["checks"]) > 8 and not corpus_report.failed(report)
    assert [entry["stage"] for entry in report["funnel"]] == [
        "split-wet-file", "too-long-filter", "duplicate-url-filter", "english-filter"
    ]  # fmt: skip
    assert report["quarantine"]["fraction"] == 0.1


def test_a_page_that_is_lost_without_a_reason_is_found():
    summary = counted()
    summary.volume("split:train").pages -= 1
    report = corpus_report.build(summary, {"train": 1}, 0.01, finished=True, wet_parser="tfds")
    assert any("written pages" in fault for fault in corpus_report.failed(report))


def test_lines_that_are_lost_without_a_reason_are_found():
    summary = counted()
    summary.volume("duplicate-url-filter").lines -= 3
    report = corpus_report.build(summary, {"train": 1}, 0.01, finished=True, wet_parser="tfds")
    assert any("lines in" in fault for fault in corpus_report.failed(report))


def test_a_counter_that_differs_from_the_pages_is_found():
    summary = counted()
    summary.counters["english-filter/passed"] += 1
    report = corpus_report.build(summary, {"train": 1}, 0.01, finished=True, wet_parser="tfds")
    assert any("counter" in fault for fault in corpus_report.failed(report))


def cleaned(passed_lines: int | None) -> Summary:
    """Seven pages of 60 lines are cleaned. passed_lines: those that line deduplication counts; None: it counts none."""
    summary = counted()
    for stage in ("clean-page", "dedupe-lines"):
        summary.volume(stage).add(lines=60, size=600, pages=7)
    summary.counters["clean-page/passed"] = 7
    if passed_lines is not None:
        summary.counters.update({"dedupe-lines/passed": 7, "dedupe-lines/line-passed": passed_lines})
    return summary


def test_lines_are_counted_as_copies_only_where_a_recipe_deduplicates_them():
    faults = {
        lines: [
            fault
            for fault in corpus_report.failed(
                corpus_report.build(cleaned(lines), {"train": 1}, 0.01, finished=True, wet_parser="tfds")
            )
            if "passed + copies" in fault
        ]
        for lines in (None, 60, 50)
    }
    assert faults[None] == faults[60] == [] and faults[50]
