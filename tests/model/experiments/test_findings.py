"""What is said of results: in words, on the page, as CSV and as LaTeX."""

from dataclasses import replace

import pytest

from model.experiments import page, tables
from model.experiments.findings import Findings, significance
from model.experiments.inputs import Column
from model.experiments.plan import Plan, Row
from model.experiments.results import Result

COLUMNS = (
    Column("glue", ("cola", "sst2"), "", "", "", 32, 8),
    Column("trec", ("trec",), "", "", "", 32, 8),
)
ROWS = (
    Row("base line", paper=(83.28, 19.24, 80.88, 71.36, 26.98, 39.82, 27.65)),
    Row("15% & more"),
    Row("bad"),
    Row("left out"),
)


def result(row: str, column: str, seed: int, score: float) -> Result:
    curve = ((0, 5.0), (4, 3.0))
    return Result(row, column, seed, 0.02, score, 4, curve, curve, 10, 100, 2_000_000, 1e9, 1e8, 61.0, 7.0)


@pytest.fixture
def findings() -> Findings:
    scores = {"base line": (78.0, 80.0, 82.0), "15% & more": (80.0, 82.5, 84.0), "bad": (50.0, 52.0)}
    results = [result(row, "glue", seed, score) for row in scores for seed, score in enumerate(scores[row])]
    results += [result("base line", "trec", 0, 60.0), result("bad", "trec", 0, 61.0)]
    plan = Plan("A <plan>", "base line", ROWS)
    return Findings(plan, COLUMNS, tuple(results), {"left out": "no corpus is given"}, 3, ("a and b are the same",))


def test_what_is_significant_is_said_in_words(findings):
    assert significance(findings) == [
        "GLUE (cola, sst2): the best is 15% & more (82.17 ± 5.02). Two standard deviations of the baseline's 3 repeats "
        "are 4.00. Not significantly below the best: base line. Further below: bad.",
        "GLUE (cola, sst2), seed by seed against base line: the 95% interval of the difference excludes zero for "
        "15% & more; bad; it does not for none.",
        "trec: the best is bad (61.00). Nothing can be said about significance, because the baseline (base line) has "
        "only one result.",
        "trec: a single seed gives no interval for bad.",
    ]


def test_rows_with_the_same_mean_are_all_the_best(findings):
    same = replace(findings, results=tuple(result(row, "trec", 0, 50.0) for row in ("base line", "bad")))
    assert significance(same)[1].startswith("trec: the best are base line (50.00); bad (50.00). Nothing can be said")
    assert page.page(same, {}, {}, "").count("<b>50.00</b>") == 2
    assert tables.to_latex(same).count(r"\textbf{50.00}") == 2


def test_the_page_marks_the_best_and_the_near_and_escapes_the_rest(findings):
    html = page.page(findings, {"trec": {"most frequent label": 20.0}}, {"Scale": {"steps": 4}}, "subtitle")
    assert "<b>82.17 ± 5.02</b>" in html and "<u>80.00 ± 4.97</u>" in html
    assert "A &lt;plan&gt;" in html and "15% &amp; more" in html
    assert "left out: not run, because no corpus is given." in html and "3 results are not there yet." in html
    assert "a and b are the same." in html and "83.28" in html and "cannot be compared" in html
    assert "1 min 1 s" in html and html.count("<svg") == 3


def test_the_page_of_no_results_is_a_page(findings):
    empty = replace(findings, results=(), unfinished=9)
    assert "GLUE (cola, sst2): no result yet." in page.page(empty, {}, {}, "")
    assert tables.to_csv(empty).count("\n") == 1


def test_the_csv_has_a_line_per_run_and_no_times(findings):
    lines = tables.to_csv(findings).splitlines()
    assert len(lines) == 1 + len(findings.results) and "seconds" not in lines[0]
    assert lines[1] == "base line,glue,0,0.02,78.0,4,10,100,2000000,1000000000.0,100000000.0,83.28"


def test_the_latex_table_marks_the_best_and_the_near(findings):
    latex = tables.to_latex(findings)
    assert r"15\% \& more & \textbf{82.17 $\pm$ 5.02} &  \\" in latex
    assert r"base line & \underline{80.00 $\pm$ 4.97} & 60.00 \\" in latex
