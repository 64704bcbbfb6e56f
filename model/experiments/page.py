"""`search.html`: the table of a search, what is significant in it, curves, costs and settings."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from c4pipe.progress import duration
from c4pipe.report import charts, html
from model.experiments.findings import Findings, significance
from model.experiments.plan import PAPER_COLUMNS
from model.experiments.results import Curve, Result

_TABLE = """<div class="scroll"><table>
<thead><tr><th>{{ first }}</th>
{%- for title in titles %}<th class="number">{{ title }}</th>{% endfor -%}
</tr></thead>
<tbody>
{%- for name, cells in rows %}
<tr><td>{{ name }}</td>
{%- for text, mark in cells %}<td class="number">
{%- if mark == "best" %}<b>{{ text }}</b>{% elif mark == "near" %}<u>{{ text }}</u>{% else %}{{ text }}{% endif -%}
</td>{% endfor %}</tr>
{%- endfor %}</tbody></table></div>
{% for line in lines %}<p>{{ line }}</p>{% endfor %}"""
_LIST = "<ul>{% for line in lines %}<li>{{ line }}</li>{% endfor %}</ul>"
_PAPER = (
    "The paper's figures are of T5-Base after 34 billion tokens of pre-training (arXiv 1910.10683). They cannot be "
    "compared with the figures of this search, which has another scale. Compare only the order of the rows."
)


def page(
    findings: Findings,
    references: Mapping[str, Mapping[str, float]],
    settings: Mapping[str, Mapping[str, Any]],
    subtitle: str,
) -> str:
    """The whole page. references: column -> reference (such as the most frequent label) -> score. settings: title of
    a table -> its content."""
    sections = [html.Section("Result", _result(findings))]
    sections.append(html.Section("What is significant", html.render(_LIST, lines=significance(findings))))
    if len(findings.rows) > 1:
        sections.append(html.Section(f"Difference from {findings.plan.baseline}", _gains(findings)))
    if references:
        names = list(dict.fromkeys(name for of_column in references.values() for name in of_column))
        rows = [[column, *(of_column.get(name, "") for name in names)] for column, of_column in references.items()]
        sections.append(html.Section("Without a network", html.table(["task", *names], rows)))
    if any(result.pretraining for result in findings.results):
        sections.append(html.Section("Pre-training", _pretraining(findings)))
    if any(result.finetuning for result in findings.results):
        sections.append(html.Section("Fine-tuning", _finetuning(findings)))
    sections.append(html.Section("Cost", _costs(findings)))
    if any(row.paper for row in findings.plan.rows):
        sections.append(html.Section("The paper's table", _paper(findings)))
    if len(findings.rows) > 1:
        sections.append(html.Section("Rows", _rows(findings)))
    sections.append(html.Section("Runs", _runs(findings)))
    sections += [html.Section(title, html.settings(content)) for title, content in settings.items()]
    return html.page(findings.plan.title, subtitle, sections)


def _result(findings: Findings) -> Any:
    rows = []
    for row in findings.rows:
        cells = []
        for column in findings.columns:
            found, verdict = findings.spread(row.name, column.name), findings.verdicts.get(column.name)
            mark = ""
            if found is not None and verdict is not None:
                mark = "best" if row.name in verdict.best else "near" if row.name in verdict.near else ""
            cells.append((str(found or ""), mark))
        for column in findings.columns:
            if column.name in PAPER_COLUMNS and _has_paper(findings):
                figure = findings.paper(row, column.name)
                cells.append(("" if figure is None else f"{figure:.2f}", ""))
        rows.append((row.name, cells))
    titles = [column.title for column in findings.columns]
    if _has_paper(findings):
        titles += [f"paper: {PAPER_COLUMNS[c.name]}" for c in findings.columns if c.name in PAPER_COLUMNS]
    lines = [
        "Mean and 95% interval (Student's t) over seeds of the score on validation. Bold: the best of a column. "
        "Underlined: not more than two standard deviations of the baseline below it, as in the paper.",
    ]
    if _has_paper(findings) and any(column.name in PAPER_COLUMNS for column in findings.columns):
        lines.append(_PAPER)
    lines += [f"{note}." for note in findings.notes]
    lines += [f"{name}: not run, because {reason}." for name, reason in findings.missing.items()]
    if findings.unfinished:
        lines.append(f"{findings.unfinished} results are not there yet.")
    return html.render(_TABLE, first="", titles=titles, rows=rows, lines=lines)


def _has_paper(findings: Findings) -> bool:
    return any(row.paper for row in findings.plan.rows)


def _gains(findings: Findings) -> Any:
    rows = [
        (row.name, [(str(findings.gain(row.name, column.name) or ""), "") for column in findings.columns])
        for row in findings.rows
        if row.name != findings.plan.baseline
    ]
    lines = ["Mean and 95% interval of the difference between runs with the same seed."]
    titles = [column.title for column in findings.columns]
    return html.render(_TABLE, first="", titles=titles, rows=rows, lines=lines)


def _pretraining(findings: Findings) -> Any:
    curves: dict[str, list[Curve]] = {}
    for row in findings.rows:
        by_seed = {result.seed: result.pretraining for result in findings.of(row.name)}
        curves[row.name] = [curve for curve in by_seed.values() if curve]
    caption = (
        "Validation loss in nats per target token, one line per seed. Losses of different objectives and data have "
        "different meanings and cannot be compared."
    )
    return _plot(curves, "validation loss", caption)


def _finetuning(findings: Findings) -> Any:
    plots = []
    for column in findings.columns:
        curves = {
            row.name: [result.finetuning for result in findings.of(row.name, column.name) if result.finetuning]
            for row in findings.rows
        }
        plots.append(_plot(curves, "score on validation", f"{column.title}: one line per seed."))
    return html.render("{% for plot in plots %}{{ plot }}{% endfor %}", plots=plots)


def _plot(curves: Mapping[str, Sequence[Curve]], label: str, caption: str) -> Any:
    def draw(axes: Any) -> None:
        for number, (name, of_row) in enumerate(curves.items()):
            for index, curve in enumerate(of_row):
                axes.plot(
                    *zip(*curve, strict=True),
                    alpha=0.7,
                    linewidth=1,
                    markersize=3,
                    label=name if index == 0 else None,
                    **charts.style(number),
                )
        charts.step_axis(axes)
        axes.set_ylabel(label)
        charts.legend(axes)

    return html.plot(draw, caption=caption, height=charts.height(len(curves)))


def _costs(findings: Findings) -> Any:
    rows = []
    for row in findings.rows:
        results = findings.of(row.name)
        first = results[0]

        def median(of: Callable[[Result], float], results: Sequence[Result] = results) -> float:
            return statistics.median(map(of, results))

        rows.append(
            [
                row.name,
                first.all_parameters,
                f"{first.trained_parameters / first.all_parameters:.1%}",
                f"{first.stored_bytes / 1e6:.2f} MB",
                *_cost(
                    median(lambda result: result.pretraining_flops), median(lambda result: result.pretraining_seconds)
                ),
                *_cost(
                    median(lambda result: result.finetuning_flops), median(lambda result: result.finetuning_seconds)
                ),
            ]
        )
    headers = ["", "parameters", "fine-tuned", "stored per task", "pre-training", "time", "fine-tuning", "time"]
    note = (
        "Per run: medians over columns and seeds. Pre-training and fine-tuning are in floating point operations. Times "
        "are those of the steps, as this search measured them. Rows can share pre-trained models."
    )
    return html.render("{{ table }}<p>{{ note }}</p>", table=html.table(headers, rows), note=note)


def _cost(flops: float, seconds: float) -> tuple[str, str]:
    """Two cells; blank if there was no such training."""
    return (f"{flops:.2e}", duration(seconds)) if flops else ("", "")


def _paper(findings: Findings) -> Any:
    rows = [(row.name, [(f"{figure:.2f}", "") for figure in row.paper]) for row in findings.plan.rows if row.paper]
    lines = [_PAPER, *(f"{row.name}: {row.note}." for row in findings.plan.rows if row.note)]
    return html.render(_TABLE, first="", titles=list(PAPER_COLUMNS.values()), rows=rows, lines=lines)


def _rows(findings: Findings) -> Any:
    """The keys of the plan in which the rows differ."""
    tables = {row.name: asdict(row) for row in findings.rows}
    names = [name for name in tables[findings.rows[0].name] if name not in ("name", "note", "paper")]
    differing = [name for name in names if len({str(table[name]) for table in tables.values()}) > 1]
    rows = [[row, *(html.plain(table[name]) for name in differing)] for row, table in tables.items()]
    return html.table(["", *(name.replace("_", " ") for name in differing)], rows)


def _runs(findings: Findings) -> Any:
    rows = [
        [
            result.row,
            result.column,
            result.seed,
            f"{result.score:.2f}",
            result.best_step,
            f"{result.learning_rate:g}" if result.learning_rate else "",
        ]
        for result in findings.results
    ]
    return html.table(["row", "column", "seed", "score", "best step", "learning rate of fine-tuning"], rows)
