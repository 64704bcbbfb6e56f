"""`report.json` of a corpus, from what its workers counted; and the checks that it adds up. See docs/formats.md."""

from collections.abc import Mapping, Sequence
from typing import Any

from c4pipe.report.summary import LENGTH_EDGES, Summary, Volume, largest_domains

# The stages in the order in which a page meets them, by the reference's name spaces.
STAGES = (
    "split-wet-file",
    "too-long-filter",
    "realnews-domain-filter",
    "duplicate-url-filter",
    "excluded-url-filter",
    "webtextlike-filter",
    "paragraph-filter",
    "clean-page",
    "dedupe-lines",
    "english-filter",
    "language-filter",
    "badwords-filter",
)
_NUM_DOMAINS = 200
_MAX_FILES = 1000
_SPLIT = "split:"


def build(
    counted: Summary, num_shards: Mapping[str, int], quarantine_limit: float, finished: bool
) -> dict[str, Any]:  # fmt: skip
    """The fields of report.json that are a function of the inputs and settings.

    counted: of all files, cleaning and finishing merged. num_shards: split -> shards written.
    """
    report = {
        "finished": finished,
        "inputs": _inputs(counted),
        "counters": dict(sorted(counted.counters.items())),
        "funnel": _funnel(counted),
        "samples": {
            rule: [{"url": url, "text": text} for _, url, text in entries]
            for rule, entries in sorted(counted.samples.items())
        },
        "languages": dict(sorted(counted.languages.items(), key=lambda item: (-item[1], item[0]))),
        "domains": [list(pair) for pair in largest_domains(counted, _NUM_DOMAINS)],
        "lengths": {
            "edges": list(LENGTH_EDGES),
            "pages": [counted.lengths.get(place, 0) for place in range(len(LENGTH_EDGES) - 1)],
        },
        "splits": _splits(counted, num_shards),
        "quarantine": _quarantine(counted, quarantine_limit),
    }
    report["checks"] = checks(report) if finished else []
    return report


def _inputs(counted: Summary) -> dict[str, int]:
    return {
        "files": len(counted.notes),
        "bytes": counted.totals["input_bytes"],
        "records": counted.totals["records"],
        "text_bytes": counted.volumes.get(STAGES[0], Volume()).bytes,
    }


def _funnel(counted: Summary) -> list[dict[str, Any]]:
    funnel = []
    for stage in STAGES:
        dropped = {
            name.partition("/")[2]: _fields(volume)
            for name, volume in sorted(counted.volumes.items())
            if name.startswith(f"{stage}/")
        }
        if stage == STAGES[0]:
            quarantined = {name.partition("/")[2]: count for name, count in counted.counters.items() if _is_bad(name)}
            dropped.update({reason: {"pages": count} for reason, count in sorted(quarantined.items())})
        if stage not in counted.volumes and not dropped:
            continue
        prefix = f"{stage}/line-filtered:"
        lines = {
            name.removeprefix(prefix): n for name, n in sorted(counted.counters.items()) if name.startswith(prefix)
        }
        entry = {"stage": stage, **_fields(counted.volumes.get(stage, Volume())), "dropped": dropped}
        entry["lines_dropped"] = {rule: {"lines": count} for rule, count in lines.items()}
        funnel.append(entry)
    return funnel


def _fields(volume: Volume) -> dict[str, int]:
    return {"pages": volume.pages, "lines": volume.lines, "bytes": volume.bytes}


def _is_bad(name: str) -> bool:
    return name.startswith("quarantine/")


def _splits(counted: Summary, num_shards: Mapping[str, int]) -> dict[str, dict[str, int]]:
    return {
        split: {**_fields(counted.volumes.get(f"{_SPLIT}{split}", Volume())), "shards": count}
        for split, count in sorted(num_shards.items())
    }


def _quarantine(counted: Summary, limit: float) -> dict[str, Any]:
    records = sum(count for name, count in counted.counters.items() if _is_bad(name))
    files = {note[1]: note[4] for note in sorted(counted.notes) if note[4]}
    return {
        "records": records,
        "fraction": records / max(counted.totals["records"], 1),
        "limit": limit,
        "reasons": {name.partition("/")[2]: count for name, count in sorted(counted.counters.items()) if _is_bad(name)},
        "files": dict(list(files.items())[:_MAX_FILES]),
    }


def checks(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Whether pages, lines and bytes add up from stage to stage: name, ok, detail of each check.

    The volumes and the counters are counted in different places, so that one vouches for the other.
    """
    found: list[dict[str, Any]] = []

    def check(name: str, left: int, right: int) -> None:
        found.append({"name": name, "ok": left == right, "detail": f"{left:,} and {right:,}"})

    funnel, counters = report["funnel"], report["counters"]
    if not funnel:
        return found
    check("records = pages + drops", report["inputs"]["records"], funnel[0]["pages"] + _pages(funnel[0]["dropped"]))
    for before, stage in zip(funnel, funnel[1:]):  # noqa: B905, RUF007
        name = stage["stage"]
        check(f"{name}: pages in = out + dropped", before["pages"], stage["pages"] + _pages(stage["dropped"]))
        passed = sum(counters.get(f"{name}/{outcome}", 0) for outcome in ("passed", "soft-passed"))
        if passed or name not in ("badwords-filter", "dedupe-lines"):
            check(f"{name}: pages out = counter", stage["pages"], passed)
        if name not in ("clean-page", "dedupe-lines", "too-long-filter"):
            for unit in ("lines", "bytes"):
                out = stage[unit] + sum(drop[unit] for drop in stage["dropped"].values())
                check(f"{name}: {unit} in = out + dropped", before[unit], out)
    by_name = {stage["stage"]: stage for stage in funnel}
    if "clean-page" in by_name and "dedupe-lines" in by_name:
        _check_lines(by_name, counters, check)
    for unit in ("pages", "lines", "bytes"):
        written = sum(split[unit] for split in report["splits"].values())
        check(f"written {unit} = {unit} after the last stage", written, funnel[-1][unit])
    return found


def _check_lines(by_name: Mapping[str, Any], counters: Mapping[str, int], check: Any) -> None:
    """Lines in to line deduplication leave it, or are a copy, or are in a page that goes."""
    stage = by_name["dedupe-lines"]
    copies = sum(drop["lines"] for drop in stage["lines_dropped"].values())
    check(
        "dedupe-lines: lines in = passed + copies",
        by_name["clean-page"]["lines"],
        counters.get("dedupe-lines/line-passed", 0) + copies,
    )


def _pages(dropped: Mapping[str, Mapping[str, int]]) -> int:
    return sum(volume["pages"] for volume in dropped.values())


def failed(report: Mapping[str, Any]) -> Sequence[str]:
    """What does not add up, in words."""
    return [f"{check['name']} ({check['detail']})" for check in report["checks"] if not check["ok"]]
