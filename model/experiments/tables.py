"""The results of a search as CSV, one line per run, and as a LaTeX table."""

import csv
import io
import re
from dataclasses import fields

from model.experiments.findings import Findings
from model.experiments.results import Result

# Not in the CSV: curves, and times, which differ between two runs of the same search.
_LEFT_OUT = ("pretraining", "finetuning", "pretraining_seconds", "finetuning_seconds")
_SPECIAL = re.compile(r"[&%$#_{}]")


def to_csv(findings: Findings) -> str:
    """One line per run, with the paper's figure of its cell."""
    names = [entry.name for entry in fields(Result) if entry.name not in _LEFT_OUT]
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow([*names, "paper"])
    for result in findings.results:
        paper = findings.paper(findings.plan.row(result.row), result.column)
        writer.writerow([*(getattr(result, name) for name in names), "" if paper is None else paper])
    return target.getvalue()


def to_latex(findings: Findings) -> str:
    """A table (booktabs): the best of a column is bold, what is not significantly below it is underlined."""
    lines = [
        f"% {findings.plan.title}; mean and 95% interval over seeds; bold: best; underlined: within two standard",
        "% deviations of the baseline below the best",
        rf"\begin{{tabular}}{{l{'r' * len(findings.columns)}}}",
        r"\toprule",
        " & ".join(["", *(escaped(column.title) for column in findings.columns)]) + r" \\",
        r"\midrule",
    ]
    for row in findings.rows:
        cells = [escaped(row.name)]
        for column in findings.columns:
            found = findings.spread(row.name, column.name)
            text = "" if found is None else str(found).replace("±", r"$\pm$")
            verdict = findings.verdicts.get(column.name)
            if found is not None and verdict is not None and row.name in verdict.best:
                text = rf"\textbf{{{text}}}"
            elif found is not None and verdict is not None and row.name in verdict.near:
                text = rf"\underline{{{text}}}"
            cells.append(text)
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def escaped(text: str) -> str:
    r"""
    >>> escaped("15% of x_1, K = 2^16")
    '15\\% of x\\_1, K = 2\\textasciicircum{}16'
    """
    return _SPECIAL.sub(lambda found: "\\" + found[0], text.replace("\\", "")).replace("^", r"\textasciicircum{}")
