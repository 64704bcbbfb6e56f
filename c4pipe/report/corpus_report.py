"""Builds `report.json` of a corpus from its workers' counts, and checks that the counts agree. See docs/formats.md."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from c4pipe.corpus import chain
from c4pipe.corpus.badwords import SOFT_PASSED
from c4pipe.corpus.chain import STAGES, Stage
from c4pipe.corpus.rules import LINE_PASSED
from c4pipe.corpus.wet.kinds import notices
from c4pipe.report.summary import LENGTH_EDGES, SPLIT, Sample, Summary, Volume, by_language, largest_domains

_NUM_DOMAINS, _NUM_DOMAINS_OF_LANGUAGE = 200, 20
_MAX_FILES = 1000
_Number = TypeVar("_Number")


def build(
    counted: Summary, num_shards: Mapping[str, int], quarantine_limit: float, finished: bool, wet_parser: str
) -> dict[str, Any]:  # fmt: skip
    """The fields of report.json that depend only on the inputs and settings.

    counted: the counts of all files, with cleaning and finishing merged. num_shards: split -> number of shards written.
    """
    report = {
        "finished": finished,
        "inputs": _inputs(counted),
        "notices": notices(counted.kinds, wet_parser),
        "counters": dict(sorted(counted.counters.items())),
        "funnel": _funnel(counted),
        "samples": {rule: [_sample(sample) for sample in samples] for rule, samples in sorted(counted.samples.items())},
        "languages": dict(sorted(counted.languages.items(), key=lambda item: (-item[1], item[0]))),
        "domains": [list(pair) for pair in largest_domains(counted, _NUM_DOMAINS)],
        "lengths": {
            "edges": list(LENGTH_EDGES),
            "pages": [counted.lengths.get(place, 0) for place in range(len(LENGTH_EDGES) - 1)],
        },
        "by_language": by_language(counted, _NUM_DOMAINS_OF_LANGUAGE),
        "splits": _splits(counted, num_shards),
        "quarantine": _quarantine(counted, quarantine_limit),
    }
    report["checks"] = checks(report) if finished else []
    return report


def _sample(sample: Sample) -> dict[str, str]:
    match = {"match": sample.match} if sample.match else {}
    return {"url": sample.url, "text": sample.text, **match}


def _inputs(counted: Summary) -> dict[str, Any]:
    return {
        "files": len(counted.inputs),
        "bytes": counted.totals["input_bytes"],
        "records": counted.totals["records"],
        "text_bytes": counted.volumes.get(chain.PARSING.name, Volume()).bytes,
        "kinds": dict(sorted(counted.kinds.items())),
    }


def _funnel(counted: Summary) -> list[dict[str, Any]]:
    """One entry for each stage that any page reached."""
    funnel = []
    for name, stage in STAGES.items():
        dropped = _dropped(counted, stage)
        if name not in counted.volumes and not dropped:
            continue
        lines = _below(counted.counters, stage.line_counter(""))
        entry = {"stage": name, **_fields(counted.volumes.get(name, Volume())), "dropped": dropped}
        entry["lines_dropped"] = {rule: {"lines": count} for rule, count in lines.items()}
        funnel.append(entry)
    return funnel


def _dropped(counted: Summary, stage: Stage) -> dict[str, dict[str, int]]:
    """Reason -> the volume dropped for it. Unreadable records count as dropped by the first stage."""
    volumes = _below(counted.volumes, f"{stage.name}/")
    if stage.measures_drops:
        dropped = {reason: _fields(volume) for reason, volume in volumes.items()}
    else:
        dropped = {reason: {"pages": volume.pages} for reason, volume in volumes.items()}
    if stage is chain.PARSING:
        dropped.update({reason: {"pages": count} for reason, count in _quarantined(counted).items()})
    return dropped


def _quarantined(counted: Summary) -> dict[str, int]:
    """Reason -> number of quarantined records."""
    return _below(counted.counters, f"{chain.QUARANTINE}/")


def _below(named: Mapping[str, _Number], prefix: str) -> dict[str, _Number]:
    """The entries whose names have this prefix, by the rest of the name, sorted."""
    return {name.removeprefix(prefix): value for name, value in sorted(named.items()) if name.startswith(prefix)}


def _fields(volume: Volume) -> dict[str, int]:
    return {"pages": volume.pages, "lines": volume.lines, "bytes": volume.bytes}


def _splits(counted: Summary, num_shards: Mapping[str, int]) -> dict[str, dict[str, int]]:
    return {
        split: {**_fields(counted.volumes.get(f"{SPLIT}{split}", Volume())), "shards": count}
        for split, count in sorted(num_shards.items())
    }


def _quarantine(counted: Summary, limit: float) -> dict[str, Any]:
    reasons = _quarantined(counted)
    records = sum(reasons.values())
    files = {file.name: file.num_quarantined for file in sorted(counted.inputs) if file.num_quarantined}
    return {
        "records": records,
        "fraction": records / max(counted.totals["records"], 1),
        "limit": limit,
        "reasons": reasons,
        "files": dict(list(files.items())[:_MAX_FILES]),
    }


def checks(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Check that pages, lines and bytes agree from stage to stage. Returns name, ok and detail of each check.

    Volumes and counters are counted in different places, so that each confirms the other.
    """
    found: list[dict[str, Any]] = []

    def check(name: str, left: int, right: int) -> None:
        found.append({"name": name, "ok": left == right, "detail": f"{left:,} and {right:,}"})

    funnel, counters = report["funnel"], report["counters"]
    if not funnel:
        return found
    check("records = pages + drops", report["inputs"]["records"], funnel[0]["pages"] + _pages(funnel[0]["dropped"]))
    for before, entry in itertools.pairwise(funnel):
        name, stage = entry["stage"], STAGES[entry["stage"]]
        check(f"{name}: pages in = out + dropped", before["pages"], entry["pages"] + _pages(entry["dropped"]))
        passed = counters.get(stage.passed, 0) + counters.get(f"{name}/{SOFT_PASSED}", 0)
        if passed or not stage.always_shown:
            check(f"{name}: pages out = counter", entry["pages"], passed)
        if stage.measures_drops and not stage.changes_text:
            for unit in ("lines", "bytes"):
                out = entry[unit] + sum(drop[unit] for drop in entry["dropped"].values())
                check(f"{name}: {unit} in = out + dropped", before[unit], out)
    by_name = {entry["stage"]: entry for entry in funnel}
    if chain.CLEANING.name in by_name and chain.LINE_COPIES.name in by_name:
        _check_lines(by_name, counters, check)
    for unit in ("pages", "lines", "bytes"):
        written = sum(split[unit] for split in report["splits"].values())
        check(f"written {unit} = {unit} after the last stage", written, funnel[-1][unit])
    return found


def _check_lines(by_name: Mapping[str, Any], counters: Mapping[str, int], check: Any) -> None:
    """Check that all lines that enter line deduplication either pass it or are counted as copies, if there is any."""
    stage = chain.LINE_COPIES
    if not any(name.startswith(f"{stage.name}/") for name in counters):
        return
    copies = sum(drop["lines"] for drop in by_name[stage.name]["lines_dropped"].values())
    passed = counters.get(stage.line_counter(LINE_PASSED), 0)
    check(f"{stage.name}: lines in = passed + copies", by_name[chain.CLEANING.name]["lines"], passed + copies)


def _pages(dropped: Mapping[str, Mapping[str, int]]) -> int:
    return sum(volume["pages"] for volume in dropped.values())


def failed(report: Mapping[str, Any]) -> Sequence[str]:
    """The failed checks, in words."""
    return [f"{check['name']} ({check['detail']})" for check in report["checks"] if not check["ok"]]
