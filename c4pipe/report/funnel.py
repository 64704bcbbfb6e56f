"""The funnel of a corpus run: the pages that pass each stage, and the reasons why the others were dropped."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from c4pipe.corpus.chain import STAGES
from c4pipe.report import html

if TYPE_CHECKING:
    from markupsafe import Markup

_UNITS = ("pages", "lines", "bytes")


def words(stage: str) -> str:
    """The name of a stage in reports."""
    return STAGES[stage].words if stage in STAGES else stage.replace("-", " ")


def chart(funnel: Sequence[Mapping[str, Any]]) -> "Markup":
    """Pages after each stage, as horizontal bars."""

    def draw(axes) -> None:
        names = [words(entry["stage"]) for entry in funnel]
        pages = [entry["pages"] for entry in funnel]
        bars = axes.barh(names, pages, color="#1f6feb", height=0.62)
        axes.bar_label(bars, [f"{count:,}" for count in pages], padding=4)
        axes.invert_yaxis()
        axes.margins(x=0.14)
        axes.xaxis.set_visible(False)
        axes.spines[["bottom"]].set_visible(False)

    return html.plot(draw, caption="Pages that passed each stage.", height=0.5 + 0.34 * len(funnel))


def stages(funnel: Sequence[Mapping[str, Any]]) -> "Markup":
    """The table of stages: pages, lines and bytes that passed, and the share of the previous stage."""
    rows = []
    before: Mapping[str, Any] | None = None
    for entry in funnel:
        came_in = entering(entry) if before is None else before["pages"]
        share = entry["pages"] / came_in if came_in else 0.0
        rows.append([words(entry["stage"]), *[entry[unit] for unit in _UNITS], f"{share:.1%}", html.bar(share, "keep")])
        before = entry
    return html.table(["stage", *_UNITS, "of the previous stage", ""], rows)


def reasons(funnel: Sequence[Mapping[str, Any]]) -> "Markup":
    """The table of reasons why pages were dropped, with their shares of all records."""
    total = entering(funnel[0]) if funnel else 0
    rows = [
        [words(entry["stage"]), reason, count.get("pages", 0), count.get("lines", ""), count.get("bytes", "")]
        for entry in funnel
        for reason, count in sorted(entry["dropped"].items(), key=lambda item: -item[1].get("pages", 0))
        if count.get("pages", 0)
    ]
    body = [[*row, f"{row[2] / total:.2%}", html.bar(row[2] / total, "drop")] for row in rows]
    return html.table(["stage not passed", "reason", *_UNITS, "of all records", ""], body)


def line_rules(funnel: Sequence[Mapping[str, Any]]) -> "Markup | str":
    """The table of rules that drop single lines, with their shares of the lines that reached their stage."""
    rows = []
    for entry in funnel:
        lost = entry.get("lines_dropped", {})
        seen = sum(count["lines"] for count in lost.values()) + entry["lines"]
        for rule, count in sorted(lost.items(), key=lambda item: -item[1]["lines"]):
            share = count["lines"] / seen if seen else 0.0
            rows.append([words(entry["stage"]), rule, count["lines"], f"{share:.2%}", html.bar(share, "drop")])
    if not rows:
        return "No stage of this variant drops single lines."
    return html.table(["stage", "rule", "lines", "of the stage's lines", ""], rows)


def entering(entry: Mapping[str, Any]) -> int:
    """The number of pages (or records) that entered a stage."""
    return entry["pages"] + sum(count.get("pages", 0) for count in entry["dropped"].values())
