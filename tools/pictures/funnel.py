"""The funnel: the pages that pass each stage of wet_to_c4, from the report of a corpus."""

from collections.abc import Mapping, Sequence
from typing import Any

from c4pipe.report.funnel import entering, words
from tools.pictures.drawing import Drawing, Theme

_ROW, _TOP, _BARS, _LONGEST = 27.0, 34.0, 204.0, 150.0


def funnel(theme: Theme, stages: Sequence[Mapping[str, Any]]) -> Drawing:
    """Bars of pages after each stage. stages: `funnel` of report.json."""
    picture = Drawing(theme, 400, _TOP + _ROW * (len(stages) + 1) + 6, "Pages of the demo that pass each stage")
    picture.text((0, 18), "Pages that pass each stage", theme.ink, size=15, bold=True)
    picture.text((400, 18), "dropped by this stage", theme.drop, size=13, anchor="end")
    most = entering(stages[0])
    rows = [("records in", most), *((words(stage["stage"]), stage["pages"]) for stage in stages)]
    for place, (name, pages) in enumerate(rows):
        y, width = _TOP + _ROW * place, _LONGEST * pages / most
        before = rows[place - 1][1] if place else pages
        picture.text((_BARS - 8, y + 16), name, theme.ink, size=12, anchor="end")
        picture.box(_BARS, y + 3, width, _ROW - 9, theme.keep if place else theme.soft)
        if before > pages:  # what this stage dropped
            picture.box(_BARS + width, y + 3, _LONGEST * (before - pages) / most, _ROW - 9, theme.drop)
        picture.text((_BARS + _LONGEST * before / most + 6, y + 16), f"{pages:,}", theme.ink, size=13)
    return picture
