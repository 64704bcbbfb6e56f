"""`report.html` of a corpus: shows report.json to people."""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from c4pipe.corpus.chain import CLEANING, EARLIER_CRAWLS, LINE_COPIES, NEAR_DUPLICATES, URL_COPIES
from c4pipe.near_duplicates.signatures import Banding
from c4pipe.report import charts, funnel, html
from c4pipe.report.html import Section
from c4pipe.report.language_section import language_section, lengths_and_domains
from c4pipe.report.near_duplicates_page import cluster_sections

if TYPE_CHECKING:
    from markupsafe import Markup

NUM_DOMAINS = 50
NUM_LANGUAGES = 30
# With fewer records, the tables are enough, and loading the plotting library would take longer than the run.
FEWEST_RECORDS_OF_CHARTS = 100
NO_HOST = "(no host)"


def corpus_page(report: Mapping[str, Any]) -> str:
    """The HTML page of a report.json (its fields: docs/formats.md)."""
    stages = report["funnel"]
    drawn = bool(stages) and funnel.entering(stages[0]) >= FEWEST_RECORDS_OF_CHARTS
    chart = funnel.chart(stages) if drawn else ""
    sections = [
        Section("At a glance", _glance(report)),
        Section("Funnel", html.render("{{ a }}{{ b }}", a=chart, b=funnel.stages(stages))),
        Section("Why pages were dropped", funnel.reasons(stages)),
        Section("Why lines were dropped", funnel.line_rules(stages)),
        *_by_language(report),
        Section("Samples of dropped pages and lines", _samples(report["samples"], report["counters"])),
        Section("Languages", _languages(report["languages"])),
        Section("Domains", _domains(report["domains"])),
        Section("Lengths", _lengths(report["lengths"]) if drawn else _too_few()),
        *_lengths_by_language(report),
        Section("Duplicates", _duplicates(stages)),
        *_near_duplicates(report),
        Section("Splits", _splits(report["splits"])),
        Section("Quarantine", _quarantine(report["quarantine"])),
        Section("Checks", html.table(["check", "passed", "detail"], [_check(c) for c in report["checks"]])),
        Section("Time", _time(report["timing"], report["machine"])),
        Section("Settings", _settings(report)),
    ]
    if report["notices"]:
        sections.insert(
            0, Section("Notices", html.table(["what was seen"], [[notice] for notice in report["notices"]]))
        )
    inputs = report["inputs"]
    subtitle = (
        f"{report['variant']}, compatible with {report['compat']}: {inputs['files']:,} WET files, "
        f"{inputs['bytes'] / 1e6:,.1f} MB compressed"
    )
    if not report["finished"]:
        subtitle += ". NOT FINISHED: too many records were quarantined, no shards were written"
    return html.page("C4 corpus report", subtitle, sections)


def _by_language(report: Mapping[str, Any]) -> list[Section]:
    """What became of the pages of each language, if cleaning depends on it."""
    languages, counters = report["settings"]["languages"], report["counters"]
    if not any(f"{CLEANING.name}-{language}/passed" in counters for language in languages):
        return []
    return [Section("Each language", language_section(languages, counters))]


def _lengths_by_language(report: Mapping[str, Any]) -> list[Section]:
    """Lengths and domains of the pages of each language, if languages have splits of their own."""
    found = report["by_language"]
    table = lengths_and_domains(found, report["lengths"]["edges"])
    return [Section("Lengths and domains of each language", table)] if found else []


def _near_duplicates(report: Mapping[str, Any]) -> list[Section]:
    """Clusters of near-equal pages, if the run looked for any."""
    found = report.get("near_duplicates")
    return cluster_sections(found, found["shown"], Banding(found["bands"], found["rows_per_band"])) if found else []


def _glance(report: Mapping[str, Any]) -> "Markup":
    stages, timing = report["funnel"], report["timing"]
    came_in = funnel.entering(stages[0]) if stages else 0
    kept = sum(split["pages"] for split in report["splits"].values())
    size = sum(split["bytes"] for split in report["splits"].values())
    return html.tiles(
        [
            ("records read", came_in),
            ("pages kept", kept),
            ("share of the records", f"{kept / came_in:.1%}" if came_in else "-"),
            ("text kept", f"{size / 1e6:,.1f} MB"),
            ("records quarantined", report["quarantine"]["records"]),
            ("pages per second", f"{timing['pages_per_second']:,.0f}"),
        ]
    )


def _samples(samples: Mapping[str, Sequence[Mapping[str, str]]], counters: Mapping[str, int]) -> "Markup | str":
    """Samples of what the rules dropped, in one searchable fold per rule."""
    shown = {rule: entries for rule, entries in sorted(samples.items()) if entries}
    if not shown:
        return "No samples were kept (--samples_per_rule=0), or nothing was dropped."
    return html.render(
        """{{ box }}{% for rule, entries in rules %}
<details><summary>{{ rule }} <span class="count">{{ counts[rule] }} in all, {{ entries|length }} shown</span></summary>
{%- for entry in entries %}
<div class="sample">
<div class="url">{{ entry.url }}{% if "match" in entry %} (for: {{ entry["match"] }}){% endif %}</div>
<div class="text">{{ entry.text }}</div></div>
{%- endfor %}</details>{% endfor %}""",
        box=html.search_box("div.sample", "look for a word, a line, a URL"),
        rules=list(shown.items()),
        counts={rule: f"{counters.get(rule, len(entries)):,}" for rule, entries in shown.items()},
    )


def _languages(languages: Mapping[str, int]) -> "Markup | str":
    ordered = sorted(languages.items(), key=lambda item: (-item[1], item[0]))
    if not ordered:
        return "No page reached the language identifier."
    shown, rest = ordered[:NUM_LANGUAGES], ordered[NUM_LANGUAGES:]
    total = sum(languages.values())
    rows = [[code, count, f"{count / total:.2%}", html.bar(count / total)] for code, count in shown]
    if rest:
        other = sum(count for _, count in rest)
        rows.append([f"{len(rest)} others", other, f"{other / total:.2%}", html.bar(other / total)])
    return html.table(["language", "pages", "share", ""], rows)


def _domains(domains: Sequence[Sequence[Any]]) -> "Markup | str":
    if not domains:
        return "No pages were kept."
    most = domains[0][1]
    rows = [[host or NO_HOST, pages, html.bar(pages / most)] for host, pages in domains[:NUM_DOMAINS]]
    return html.table(["host", "pages kept", ""], rows)


def _too_few() -> str:
    return f"Charts are drawn if there are at least {FEWEST_RECORDS_OF_CHARTS} records."


def _lengths(lengths: Mapping[str, Sequence[int]]) -> "Markup | str":
    edges, pages = lengths["edges"], lengths["pages"]
    if not sum(pages):
        return "No pages were kept."

    def draw(axes) -> None:
        widths = [high - low for low, high in itertools.pairwise(edges)]
        axes.bar(edges[:-1], pages, widths, align="edge", color="#1f6feb", edgecolor="white", linewidth=0.5)
        charts.log_scale(axes, "x")
        axes.set_xlabel("characters of a page")
        axes.set_ylabel("pages kept")

    return html.plot(draw, caption="Kept pages by the length of their text.")


def _duplicates(stages: Sequence[Mapping[str, Any]]) -> "Markup":
    """The pages and lines lost by deduplication: copies of a URL, and lines that another page or crawl keeps."""
    rows = []
    for entry in stages:
        dropped = [sum(count.get(unit, 0) for count in entry["dropped"].values()) for unit in ("pages", "lines")]
        if entry["stage"] == EARLIER_CRAWLS.name:
            rows.append(["pages whose URL is in an earlier crawl", *dropped])
        if entry["stage"] == URL_COPIES.name:
            rows.append(["copies of a URL", *dropped])
        for rule, count in entry.get("lines_dropped", {}).items():
            if entry["stage"] == LINE_COPIES.name:
                rows.append([f"lines: {rule}", "", count["lines"]])
        if entry["stage"] == LINE_COPIES.name:
            rows.append(["pages with too little text left", dropped[0], ""])
        if entry["stage"] == NEAR_DUPLICATES.name:
            rows.append(["pages nearly equal to another", *dropped])
    return html.table(["what", "pages", "lines"], rows)


def _splits(splits: Mapping[str, Mapping[str, int]]) -> "Markup":
    rows = [[name, s["pages"], s["lines"], s["bytes"], s["shards"]] for name, s in splits.items()]
    return html.table(["split", "pages", "lines", "bytes of text", "shards"], rows)


def _quarantine(quarantine: Mapping[str, Any]) -> "Markup | str":
    if not quarantine["records"]:
        return f"Every record could be read (at most {quarantine['limit']:.2%} may be unreadable)."
    return html.render(
        "<p>{{ n }} records ({{ f }}) could not be read; up to {{ l }} are allowed.</p>{{ reasons }}{{ files }}",
        n=f"{quarantine['records']:,}",
        f=f"{quarantine['fraction']:.3%}",
        l=f"{quarantine['limit']:.3%}",
        reasons=html.table(["reason", "records"], sorted(quarantine["reasons"].items())),
        files=html.table(["WET file", "records"], sorted(quarantine["files"].items())),
    )


def _check(check: Mapping[str, Any]) -> list[Any]:
    return [check["name"], "yes" if check["ok"] else "NO", check["detail"]]


def _time(timing: Mapping[str, Any], machine: Mapping[str, Any]) -> "Markup":
    rows = [
        [
            s["name"],
            float(s["seconds"]),
            s["pages"],
            f"{s['pages'] / s['seconds']:,.0f}" if s["seconds"] else "-",
            s["reused"],
        ]
        for s in timing["stages"]
    ]
    facts = [
        ["wall clock", f"{timing['seconds']:,.1f} s"],
        ["started", timing["started"]],
        ["workers", str(timing["workers"])],
        *[[name.replace("_", " "), _fact(name, value)] for name, value in machine.items()],
    ]
    return html.render(
        "{{ a }}{{ b }}",
        a=html.table(["stage", "CPU seconds", "pages", "pages per CPU second", "files reused"], rows),
        b=html.table(["run", ""], facts),
    )


def _fact(name: str, value: Any) -> str:
    return f"{value / 1e6:,.0f} MB" if name.endswith("_bytes") and isinstance(value, (int, float)) else str(value)


def _settings(report: Mapping[str, Any]) -> "Markup":
    assets = sorted((name, digest) for name, digest in report["assets"].items())
    return html.render(
        "{{ a }}{% if assets %}{{ b }}{% endif %}",
        a=html.settings(report["settings"]),
        assets=assets,
        b=html.table(["asset", "SHA-256"], assets),
    )
