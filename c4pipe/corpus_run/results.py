"""Writes the files that follow when all shards are complete: the quarantine, the report and, last, the manifest."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import c4pipe
from c4pipe import checked_json
from c4pipe.checked_json import Count, FileName, Sha256
from c4pipe.corpus import chain
from c4pipe.corpus.badwords import base_language
from c4pipe.corpus.wet.language_header import OTHER_LANGUAGE
from c4pipe.corpus_run.inputs import read_list
from c4pipe.corpus_run.plan import Plan
from c4pipe.errors import UserError
from c4pipe.folders.kinds import CARD, QUARANTINE, REPORT
from c4pipe.report import corpus_report
from c4pipe.report.summary import InputFile, Summary
from c4pipe.shards import cluster_files, files, manifest
from c4pipe.shards.work.frames import DamagedWorkFile, read_frames
from c4pipe.shards.work.work_files import read_record

# Of the clusters of near-equal pages, in the manifest.
_COUNTED = ("clusters", "in_clusters", "dropped")


@dataclass(frozen=True, slots=True, order=True)
class WrittenShard:
    """A text shard that a worker has written. file: base name."""

    split: FileName
    file: FileName
    rows: Count
    bytes: Count
    sha256: Sha256


@dataclass(frozen=True, slots=True, order=True)
class WrittenKeys:
    """A file with keys of the corpus that a worker has written. kind: name in `keys.KINDS`. file: base name."""

    kind: str
    file: FileName
    rows: Count
    bytes: Count
    sha256: Sha256


@dataclass(frozen=True)
class _Summary:
    """What `Summary.to_json` gives."""

    samples_per_rule: Count
    counters: dict[str, int]
    volumes: dict[str, tuple[int, int, int]]
    samples: dict[str, list[list[Any]]]
    languages: dict[str, Count]
    domains: dict[str, Count]
    lengths: dict[str, Count]
    lengths_by_language: dict[str, Count]
    domains_by_language: dict[str, Count]
    seconds: dict[str, float]
    totals: dict[str, int]
    kinds: dict[str, Count]
    digest: Sha256
    inputs: list[InputFile]


@dataclass(frozen=True)
class _Result:
    """What `make_c4` leaves."""

    run_key: str
    cleaned: _Summary
    finished: _Summary
    shards: list[WrittenShard]
    keys: list[WrittenKeys]
    clusters_key: str = ""


def read_result(path: str) -> dict[str, Any]:
    """The result that the pipeline wrote (`make_c4`). Raises: UserError if it is damaged."""
    try:
        result = checked_json.parse_any(files.read_bytes(path))
        checked_json.convert(result, _Result)
        for name in ("cleaned", "finished"):
            Summary.from_json(result[name])
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); run the command again") from error
    return result


def write_quarantine(plan: Plan, cleaned: Summary) -> None:
    """Write `quarantine.jsonl`: the rows of all files, in the order of the files and their records."""
    with_rows = {file.number for file in cleaned.inputs if file.num_quarantined}
    with files.write_atomically(files.join(plan.output, QUARANTINE)) as target:
        for file in read_list(plan.inputs):
            if file.number in with_rows:
                for row in read_frames(plan.cleaned(file.stem, ".quarantine")):
                    target.write(row)


def make_report(plan: Plan, result: Mapping[str, Any], timing: Mapping[str, Any], machine: Mapping[str, Any]) -> dict:
    """The content of `report.json`."""
    cleaned, finished = Summary.from_json(result["cleaned"]), Summary.from_json(result["finished"])
    num_reused = sum(file.reused for file in cleaned.inputs)
    num_finished_now = finished.totals["finished_now"]
    counted = cleaned.merge(finished)
    num_shards: dict[str, int] = {}
    for shard in _shards(result):
        num_shards[shard.split] = num_shards.get(shard.split, 0) + 1
    report = {
        "version": c4pipe.__version__,
        "variant": plan.settings.variant,
        "compat": plan.settings.compat,
        "settings": plan.settings.to_json(),
        "assets": dict(plan.settings.assets),
        **corpus_report.build(
            counted, num_shards, plan.max_quarantined_fraction, bool(result["run_key"]), plan.settings.wet_parser
        ),
    }
    report["notices"] += [*_about_language_header(plan, counted.counters), *_languages_without_badwords(plan)]
    pages = counted.counters[chain.PARSING.passed]
    report["timing"] = {
        **timing,
        "pages_per_second": round(pages / max(timing["seconds"], 1e-9), 1),
        "stages": [
            {"name": "clean_files", "seconds": counted.seconds["clean_files"], "pages": pages, "reused": num_reused},
            {
                "name": "finish_files",
                "seconds": counted.seconds["finish_files"],
                "pages": counted.volume(chain.URL_COPIES.name).pages,
                "reused": plan.num_files - num_finished_now if result["run_key"] else 0,
            },
        ],
    }
    report["machine"] = dict(machine)
    if clusters := clusters_of(plan, result):
        shown = {
            number: page for record in _records_of_clusters(plan, result) for number, page in record["shown"].items()
        }
        report["near_duplicates"] = {**clusters, **asdict(plan.clustering.banding), "shown": shown}
    return report


def clusters_of(plan: Plan, result: Mapping[str, Any]) -> dict[str, Any] | None:
    """The summary of the clusters of near-duplicates; None if they are not dropped, or if the run has no result."""
    key = result["clusters_key"] if result["run_key"] else ""
    return plan.clustering.read_summary(key) if key else None


def _records_of_clusters(plan: Plan, result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the record of each WET file's pages that are in clusters, with the `path` of their rows."""
    key = result["clusters_key"]
    for file in read_list(plan.inputs):
        record_path = plan.of_clusters(key, file.stem, ".json")
        record = read_record(record_path, key)
        if record is None:
            raise DamagedWorkFile.of(record_path, "it is gone, or its checksum differs")
        yield {**record, "path": plan.of_clusters(key, file.stem, ".parquet")}


def write_clusters(plan: Plan, result: Mapping[str, Any]) -> None:
    """Write `_provenance/near_duplicates.parquet`: the pages that are in clusters, and the winner of each cluster."""
    if clusters_of(plan, result):
        paths = [record["path"] for record in _records_of_clusters(plan, result) if record["rows"]]
        target = files.join(plan.output, cluster_files.FILE_NAME_OF_WET)
        cluster_files.join_members(paths, target, cluster_files.OF_WET_FILES)


def _about_language_header(plan: Plan, counters: Mapping[str, int]) -> list[str]:
    """A sentence about the pages that were skipped by their header, and how far the identifier agrees."""
    if not plan.variant.prefers_language_header:
        return []
    stage, identifier = chain.LANGUAGE_HEADER, plan.settings.language_identifier
    num_skipped = counters.get(stage.filtered(OTHER_LANGUAGE), 0)
    num_pages = num_skipped + counters.get(stage.passed, 0)
    samples = {
        name: counters.get(f"{stage.name}/sampled-{name}", 0)
        for name in ("skipped", "skipped-disagreeing", "kept", "kept-disagreeing")
    }
    return [
        f"{num_skipped:,} of {num_pages:,} pages were skipped: their header names none of the wanted languages; "
        f"{identifier} finds one in {samples['skipped-disagreeing']:,} of {samples['skipped']:,} of them (a sample), "
        f"and none in {samples['kept-disagreeing']:,} of {samples['kept']:,} pages whose header names one (a sample)"
    ]


def _languages_without_badwords(plan: Plan) -> list[str]:
    """A notice, if there are languages without a list of bad words."""
    if not (plan.variant.cleans_by_language and plan.variant.needs_badwords):
        return []
    lists = {name.split("/")[1] for name in plan.settings.assets if name.startswith("badwords/")}
    listed = set(map(base_language, lists))
    without = [language for language in plan.settings.languages if language not in listed]
    if not without or (lists and len(plan.settings.languages) == 1):
        return []
    return [
        f"there is no list of bad words for {', '.join(without)}, so no page in it was dropped for them; "
        "--badwords=LANG:FILE gives one"
    ]


def _shards(result: Mapping[str, Any]) -> list[WrittenShard]:
    return [WrittenShard(**shard) for shard in result["shards"]]


def write_report(plan: Plan, report: Mapping[str, Any]) -> None:
    """Write `report.json`."""
    text = json.dumps(report, indent=1, ensure_ascii=False)
    files.write_bytes(files.join(plan.output, REPORT), (text + "\n").encode("utf-8", "backslashreplace"))


def make_manifest(plan: Plan, result: Mapping[str, Any]) -> manifest.Manifest:
    """The manifest of the finished folder."""
    splits: dict[str, list[manifest.Shard]] = {}
    for shard in _shards(result):
        splits.setdefault(shard.split, []).append(manifest.Shard(shard.file, shard.rows, shard.bytes, shard.sha256))
    inputs = sorted(Summary.from_json(result["cleaned"]).inputs)
    clusters = clusters_of(plan, result)
    counted = {"near_duplicates": {name: clusters[name] for name in _COUNTED}} if clusters else {}
    keys: dict[str, list[manifest.Shard]] = {}
    for written in sorted(WrittenKeys(**fields) for fields in result["keys"]):
        keys.setdefault(written.kind, []).append(
            manifest.Shard(written.file, written.rows, written.bytes, written.sha256)
        )
    earlier = [crawl.corpus for crawl in plan.earlier.crawls]
    return manifest.Manifest(
        kind="c4",
        splits={split: tuple(sorted(shards, key=lambda shard: shard.file)) for split, shards in splits.items()},
        settings=plan.settings.to_json(),
        inputs=tuple(manifest.Input(file.name, file.sha256) for file in inputs),
        assets=dict(plan.settings.assets),
        statistics={
            "input_bytes": sum(file.num_bytes for file in inputs),
            "pages": sum(shard.rows for shards in splits.values() for shard in shards),
            "card": CARD,
            **counted,
            **({"keys": keys} if keys else {}),
            **({"previous": earlier} if earlier else {}),
        },
    )


def started_at(seconds: float) -> str:
    """A time as ISO 8601, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
