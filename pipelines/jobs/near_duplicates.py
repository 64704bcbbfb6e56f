"""The job of drop_near_duplicates: its plan and shards, and the files that it writes after the graph."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from c4pipe.checked_json import Count, FileName, Sha256
from c4pipe.corpus_run.plan import code_digest
from c4pipe.errors import UserError
from c4pipe.folders.kinds import CARD, QUARANTINE, REPORT_PAGE
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.results import ManifestResult, same_files
from c4pipe.near_duplicates.signatures import Banding
from c4pipe.near_duplicates_run.plan import Plan
from c4pipe.report import data_set_card
from c4pipe.report.near_duplicates_page import near_duplicates_page
from c4pipe.shards import cluster_files, files, json_files, names
from c4pipe.shards.manifest import Input, Manifest, Shard
from c4pipe.shards.text_shards import TextShard
from c4pipe.shards.work.work_files import read_record
from pipelines.jobs import examples
from pipelines.launch import quarantine, report_page
from pipelines.launch.work_done import count_files

WORK_FOLDER = ".work"
# For the estimate of --dry_run, measured on English C4 in gzip files.
_PACKED_BYTES_PER_PAGE = 1_000
_PAGES_PER_CORE_SECOND = 1_000
_KEY_BYTES_PER_BAND, _OTHER_KEY_BYTES = 10, 8
_FOREST_BYTES_PER_PAGE = 4


@dataclass(frozen=True)
class Job:
    """The job that a command line of drop_near_duplicates describes. source: as it was given."""

    plan: Plan
    shards: tuple[TextShard, ...]
    source: str
    max_quarantined_fraction: float

    def result(self) -> ManifestResult:
        """The result that the command writes to its folder."""
        written = [files.base_name(self.plan.written(shard)) for shard in self.shards]
        provenance = [names.provenance(shard.split, shard.index, shard.count) for shard in self.shards]
        return ManifestResult(
            command="drop_near_duplicates",
            kind="c4",
            settings=_settings(self.plan),
            names=(*written, *provenance, cluster_files.FILE_NAME, REPORT_PAGE, CARD, QUARANTINE),
            inputs=same_files([shard.path for shard in self.shards]),
            identity=[files.base_name(shard.path) for shard in self.shards],
        )

    def look(self) -> tuple[int, int, str]:
        """For the progress line: (steps done, total steps, words). Each shard is signed and written."""
        work = self.plan.work
        signed = count_files(files.join(work, "signed"), ".json")
        written = sum(count_files(files.join(work, name, "written"), ".json") for name in files.list_folder(work))
        words = f"{signed} of {len(self.shards)} shards signed, {written} written"
        return signed + written, 2 * len(self.shards), words


def make_job(flags: Namespace) -> Job:
    """Make the job from the flags. Raises: UserError for any mistake in them."""
    shards = examples.text_shards(flags.input)
    for name in ("threshold_bands", "rows_per_band"):
        if not 1 <= getattr(flags, name) <= 256:
            raise UserError(f"--{name}={getattr(flags, name)} is out of range; give a number from 1 to 256")
    banding = Banding(flags.threshold_bands, flags.rows_per_band)
    work = files.join(flags.output, WORK_FOLDER)
    plan = Plan(flags.output, work, banding, flags.format, code_digest(), len(shards))
    return Job(plan, tuple(shards), flags.input, flags.max_quarantined_fraction)


def estimate(job: Job, num_workers: int) -> str:
    """The output of `--dry_run`."""
    plan, num_shards = job.plan, len(job.shards)
    packed = sum(files.size(shard.path) for shard in job.shards)
    pages = packed / _PACKED_BYTES_PER_PAGE
    seconds = pages / _PAGES_PER_CORE_SECOND / max(1, min(num_workers, num_shards))
    keys = pages * (plan.banding.bands * _KEY_BYTES_PER_BAND + _OTHER_KEY_BYTES)
    return (
        f"would compare about {pages:,.0f} pages of {num_shards} text shards ({packed / 1e6:,.0f} MB) and write the "
        f"remaining pages to {plan.output}: about {seconds:,.0f} s on {num_workers} workers, {keys / 1e6:,.0f} MB of "
        f"work files in {plan.work} (removed at the end), {pages * _FOREST_BYTES_PER_PAGE / 1e6:,.0f} MB of memory for "
        "the clusters"
    )


def finish(job: Job, folder: OutputFolder) -> Manifest:
    """Write clusters.parquet, the page and the card from the results of the graph. Returns: the folder's manifest.

    Raises: UserError if there were no pages, or too many rows are not pages.
    """
    result = json_files.read(job.plan.result, _GraphResult, f"remove {job.plan.work}, and run the command again")
    done = _Done(job.plan, job.shards, result)
    limit = job.max_quarantined_fraction
    num_quarantined = quarantine.write_and_check(str(folder), done.quarantined, done.num_rows, limit)
    if not done.summary["pages"]:
        raise UserError(f"{job.source} has no pages; give text shards with pages")
    cluster_files.join_members(done.members(), folder.file(cluster_files.FILE_NAME))
    report_page.write(str(folder), lambda: near_duplicates_page(done.summary, done.shown(), job.plan.banding))
    made = done.manifest(num_quarantined)
    data_set_card.write(str(folder), made, data_set_card.of_distinct_pages(made))
    return made


def describe(made: Manifest) -> str:
    """The result in words: how many pages stay in each split, and how many were dropped."""
    counts = made.statistics
    splits = " and ".join(f"{made.num_rows(split):,} {split}" for split in made.splits)
    return (
        f"{splits} pages; {counts['dropped']:,} of {counts['pages']:,} dropped as near duplicates of "
        f"{counts['clusters']:,} pages that stay ({cluster_files.FILE_NAME} lists them)"
    )


def _settings(plan: Plan) -> dict[str, Any]:
    return {"near_duplicates": "minhash", **asdict(plan.banding), "format": plan.format}


@dataclass(frozen=True)
class _GraphResult:
    """The result of the graph: the key of its run, the number of written shards, and the SHA-256 of each input."""

    run_key: FileName
    shards: Count
    sha256: tuple[Sha256, ...]


class _Done:
    """The results of the graph, for the whole corpus and for each shard."""

    def __init__(self, plan: Plan, shards: Sequence[TextShard], result: _GraphResult) -> None:
        self._plan, self._shards, self._result = plan, shards, result
        run_key = result.run_key
        self._records = [read_record(plan.record(shard, run_key), run_key) or {} for shard in shards]
        self.quarantined = [row for record in self._records for row in record["quarantined"]]
        summary = plan.clustering.read_summary(run_key)
        self.num_rows: int = summary["pages"]
        self.summary = summary | {"pages": self.num_rows - len(self.quarantined)}

    def members(self) -> list[str]:
        """The files from which `clusters.parquet` is made."""
        return [self._plan.members(shard, self._result.run_key) for shard in self._shards]

    def shown(self) -> dict[str, dict[str, str]]:
        """The pages whose text the report shows."""
        return {number: page for record in self._records for number, page in record["shown"].items()}

    def manifest(self, num_quarantined: Mapping[str, int]) -> Manifest:
        """The manifest of the folder. num_quarantined: the number of rows that are not pages, per reason."""
        splits: dict[str, list[Shard]] = {}
        for shard, record in zip(self._shards, self._records, strict=True):
            splits.setdefault(shard.split, []).append(Shard(*record["shard"]))
        digests = zip(self._shards, self._result.sha256, strict=True)
        counted = ("pages", "clusters", "in_clusters", "dropped")
        return Manifest(
            kind="c4",
            splits={split: tuple(found) for split, found in splits.items()},
            settings=_settings(self._plan),
            inputs=tuple(Input(files.base_name(shard.path), sha256) for shard, sha256 in digests),
            statistics={
                **{name: self.summary[name] for name in counted},
                "dropped_characters": sum(record["dropped_characters"] for record in self._records),
                "shards_with_provenance": sum(record["has_provenance"] for record in self._records),
                "card": CARD,
                **num_quarantined,
            },
        )
