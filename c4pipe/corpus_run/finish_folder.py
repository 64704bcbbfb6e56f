"""What is written once all shards are there: quarantine, report and, last, the manifest."""

import json
import time
from collections.abc import Mapping
from typing import Any

import c4pipe
from c4pipe.corpus import counters
from c4pipe.corpus_run.inputs import read_list
from c4pipe.corpus_run.plan import Plan
from c4pipe.report import corpus_report
from c4pipe.report.summary import Summary
from c4pipe.shards import files, manifest
from c4pipe.shards.work.frames import read_frames

REPORT = "report.json"
QUARANTINE = "quarantine.jsonl"


def read_result(path: str) -> dict[str, Any]:
    """What the graph left (`make_c4`)."""
    return json.loads(files.read_bytes(path))


def write_quarantine(plan: Plan, cleaned: Summary) -> None:
    """`quarantine.jsonl`: the rows of all files, in the order of the files and their records."""
    with_rows = {note[0] for note in cleaned.notes if note[4]}
    with files.write_atomically(files.join(plan.output, QUARANTINE)) as target:
        for file in read_list(plan.inputs):
            if file.number in with_rows:
                for row in read_frames(plan.cleaned(file.stem, ".quarantine")):
                    target.write(row)


def make_report(plan: Plan, result: Mapping[str, Any], timing: Mapping[str, Any], machine: Mapping[str, Any]) -> dict:
    """The whole of `report.json`."""
    cleaned, finished = Summary.from_json(result["cleaned"]), Summary.from_json(result["finished"])
    reused = sum(note[5] for note in cleaned.notes)
    num_finished_now = finished.totals["finished_now"]
    counted = cleaned.merge(finished)
    num_shards: dict[str, int] = {}
    for split, *_ in result["shards"]:
        num_shards[split] = num_shards.get(split, 0) + 1
    report = {
        "version": c4pipe.__version__,
        "variant": plan.settings.variant,
        "compat": plan.settings.compat,
        "settings": plan.settings.to_json(),
        "assets": dict(plan.settings.assets),
        **corpus_report.build(counted, num_shards, plan.max_quarantined_fraction, bool(result["run_key"])),
    }
    pages = counted.counters[counters.passed(counters.PARSING)]
    report["timing"] = {
        **timing,
        "pages_per_second": round(pages / max(timing["seconds"], 1e-9), 1),
        "stages": [
            {"name": "clean_files", "seconds": counted.seconds["clean_files"], "pages": pages, "reused": reused},
            {
                "name": "finish_files",
                "seconds": counted.seconds["finish_files"],
                "pages": counted.volume(counters.URL_DEDUPLICATION).pages,
                "reused": plan.num_files - num_finished_now if result["run_key"] else 0,
            },
        ],
    }
    report["machine"] = dict(machine)
    return report


def write_report(plan: Plan, report: Mapping[str, Any]) -> None:
    """`report.json`."""
    text = json.dumps(report, indent=1, ensure_ascii=False)
    files.write_bytes(files.join(plan.output, REPORT), (text + "\n").encode("utf-8", "backslashreplace"))


def make_manifest(plan: Plan, result: Mapping[str, Any]) -> manifest.Manifest:
    """The manifest of the finished folder."""
    splits: dict[str, list[manifest.Shard]] = {}
    for split, name, rows, size, sha256 in result["shards"]:
        splits.setdefault(split, []).append(manifest.Shard(name, rows, size, sha256))
    notes = sorted(result["cleaned"]["notes"])
    return manifest.Manifest(
        kind="c4",
        splits={split: tuple(sorted(shards, key=lambda shard: shard.file)) for split, shards in splits.items()},
        settings=plan.settings.to_json(),
        inputs=tuple(manifest.Input(note[1], note[2]) for note in notes),
        assets=dict(plan.settings.assets),
        statistics={
            "input_bytes": sum(note[3] for note in notes),
            "pages": sum(shard.rows for shards in splits.values() for shard in shards),
        },
    )


def started_at(seconds: float) -> str:
    """A time as ISO 8601, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
