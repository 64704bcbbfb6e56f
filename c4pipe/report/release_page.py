"""`verify.html`: the comparison of a released corpus with the WET files that it was made from."""

from collections.abc import Mapping, Sequence
from typing import Any

from c4pipe.report import html
from c4pipe.report.html import Section


def release_page(result: Mapping[str, Any]) -> str:
    """The HTML page of a verify.json (its fields: `pipelines.verify_release`)."""
    checked, disagreeing = result["rows_checked"], result["rows_disagreeing"]
    sections = [
        Section(
            "Result",
            html.tiles(
                [
                    ("released rows checked", checked),
                    ("rows that agree", checked - disagreeing),
                    ("rows that disagree", disagreeing),
                    ("pages of the WET files not released", result["pages_absent"]),
                    ("released shards read", f"{result['shards_read']} of {result['shards_of_release']}"),
                ]
            ),
        ),
        Section("Disagreements", _counts("kind", result["disagreements"], checked, "drop")),
        Section("Disagreeing rows", _rows(result["examples"])),
        Section("Why other pages are not in the release", _counts("reason", result["absent"], result["pages"], "")),
        Section("Settings", html.settings(result["settings"])),
    ]
    if result["notices"]:
        sections.insert(
            0, Section("Notices", html.table(["what was seen"], [[notice] for notice in result["notices"]]))
        )
    verdict = "every row agrees" if not disagreeing else f"{disagreeing:,} of {checked:,} rows disagree"
    return html.page("Released corpus against its WET files", verdict if checked else "no row to compare", sections)


def _counts(what: str, counts: Mapping[str, int], total: int, kind: str):
    rows = [
        [name, count, f"{count / total:.2%}" if total else "-", html.bar(count / total if total else 0, kind)]
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    return html.table([what, "count", "share", ""], rows) if rows else "None."


def _rows(examples: Sequence[Mapping[str, str]]):
    if not examples:
        return "None."
    rows = [[e["kind"], e["url"], e["timestamp"], e["detail"]] for e in examples]
    return html.search_box("tr.sample", "look for a URL or a kind") + html.table(
        ["kind", "URL", "timestamp", "detail"], rows, row_class="sample"
    )
