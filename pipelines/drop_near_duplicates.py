"""Drop pages that are nearly equal to another one, from any text shards.

    python -m pipelines.drop_near_duplicates --input=c4/en --output=c4/en-distinct

Pages are compared by MinHash over runs of five words, as in datatrove. Of each cluster the newest page stays; of
several newest ones, the longest. SOURCE is a folder made by wet_to_c4 (its train and validation splits together),
folder@split, or a glob of text shards. One shard is written for each shard that is read.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions

from c4pipe.command_line import Parser, run
from c4pipe.corpus_run.plan import code_digest
from c4pipe.errors import UserError
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.results import ManifestResult, same_files
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.near_duplicates.signatures import Banding
from c4pipe.near_duplicates_run.plan import Plan, TextShard
from c4pipe.report.near_duplicates_page import near_duplicates_page
from c4pipe.shards import cluster_files, files
from c4pipe.shards.manifest import Input, Manifest, Shard
from c4pipe.shards.text_shards import WRITERS
from c4pipe.shards.work.work_files import read_record
from c4pipe.stages.near_duplicates.drop_near_duplicates import DropNearDuplicates
from c4pipe.stages.near_duplicates.find_clusters import SUMMARY
from pipelines.jobs import examples
from pipelines.launch import beam_options, report_page
from pipelines.launch.progress import Progress

WORK_FOLDER = ".work"
# For the estimate of --dry_run: measured on English C4, text packed by gzip.
_PACKED_BYTES_PER_PAGE = 1_000
_PAGES_PER_CORE_SECOND = 1_000
_KEY_BYTES_PER_BAND, _OTHER_KEY_BYTES = 10, 8
_FOREST_BYTES_PER_PAGE = 4


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.drop_near_duplicates", description=__doc__)
    add = parser.add_argument
    add("--input", required=True, help="SOURCE: a folder of C4 shards, folder@split, or a glob")
    add("--output", required=True, help="folder for the shards, clusters.parquet and the report")
    add("--threshold_bands", type=int, default=14, help="bands of a signature; pages that share one are near")
    add("--rows_per_band", type=int, default=8, help="hashes in a band; more of them ask for more similar pages")
    add("--format", default="json.gz", choices=WRITERS, help="of the shards that are written")
    add("--keep_work", action="store_true", help="keep the work folder, in which a later run finds the signatures")
    add("--overwrite", action="store_true", help="replace what another run left in the output folder")
    add("--dry_run", action="store_true", help="say what would be done, and how much time, memory and disk it takes")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    started = time.monotonic()
    flags, options = beam_options.parse(parser(), argv)
    shards = text_shards(flags.input)
    plan = _plan(flags, len(shards))
    folder = _folder(flags, plan, shards)
    if flags.dry_run:
        print(folder.outlook(lambda: _estimate(plan, shards, beam_options.num_workers(options))))
        return 0
    if folder.is_finished():
        return folder.nothing_to_do()
    beam_options.refuse_local_paths(options, output=flags.output)
    with folder.opened():
        done = _run(plan, shards, options)
        if not done.summary["pages"]:
            raise UserError(f"{flags.input} has no pages; give text shards that hold some")
        cluster_files.join_members(done.members(), folder.file(cluster_files.FILE_NAME))
        report_page.write(str(folder), lambda: near_duplicates_page(done.summary, done.shown(), plan.banding))
        made = done.manifest()
        folder.commit_manifest(made)
    print(_last_line(made, flags.output, time.monotonic() - started))
    return 0


def text_shards(source: str) -> list[TextShard]:
    """The text shards of a source, train before validation, numbered in their order."""
    found = examples.text_shards(source)
    return [TextShard(number, shard.path, shard.split, shard.index, shard.count) for number, shard in enumerate(found)]


def _plan(flags: argparse.Namespace, num_shards: int) -> Plan:
    for name in ("threshold_bands", "rows_per_band"):
        if not 1 <= getattr(flags, name) <= 256:
            raise UserError(f"--{name}={getattr(flags, name)} is out of range; give a number from 1 to 256")
    banding = Banding(flags.threshold_bands, flags.rows_per_band)
    work = files.join(flags.output, WORK_FOLDER)
    return Plan(flags.output, work, banding, flags.format, code_digest(), num_shards)


def _folder(flags: argparse.Namespace, plan: Plan, shards: Sequence[TextShard]) -> OutputFolder:
    names = [files.base_name(plan.written(shard)) for shard in shards]
    result = ManifestResult(
        command="drop_near_duplicates",
        kind="c4",
        settings=_settings(plan),
        names=(*names, cluster_files.FILE_NAME, report_page.REPORT_PAGE),
        inputs=same_files([shard.path for shard in shards]),
        identity=[files.base_name(shard.path) for shard in shards],
    )
    return OutputFolder(
        flags.output, result, overwrite=flags.overwrite, work=WorkFolder(plan.work), keep_work=flags.keep_work
    )


def _settings(plan: Plan) -> dict[str, Any]:
    return {"near_duplicates": "minhash", **asdict(plan.banding), "format": plan.format}


def _run(plan: Plan, shards: list[TextShard], options: PipelineOptions) -> "_Done":

    def look() -> tuple[int, int, str]:
        signed = _count(files.join(plan.work, "signed"), ".json")
        written = sum(_count(files.join(plan.work, name, "written"), ".json") for name in files.list_folder(plan.work))
        return signed + written, 2 * len(shards), f"{signed} of {len(shards)} shards signed, {written} written"

    with Progress("near_duplicates", look):
        beam_options.run(lambda pipeline: pipeline | DropNearDuplicates(plan, shards), options)
    return _Done(plan, shards, json.loads(files.read_bytes(plan.result)))


def _count(folder: str, ending: str) -> int:
    return sum(name.endswith(ending) for name in files.list_folder(folder))


class _Done:
    """What the graph left: of the corpus as a whole, and of each shard."""

    def __init__(self, plan: Plan, shards: Sequence[TextShard], result: dict[str, Any]) -> None:
        self._plan, self._shards, self._result = plan, shards, result
        run_key = result["run_key"]
        self.summary = json.loads(files.read_bytes(plan.later(run_key, "clusters", SUMMARY)))
        self._records = [read_record(plan.record(shard, run_key), run_key) or {} for shard in shards]

    def members(self) -> list[str]:
        """The files of which `clusters.parquet` is made."""
        return [self._plan.members(shard, self._result["run_key"]) for shard in self._shards]

    def shown(self) -> dict[str, dict[str, str]]:
        """The pages whose text the report shows."""
        return {number: page for record in self._records for number, page in record["shown"].items()}

    def manifest(self) -> Manifest:
        """The folder's manifest."""
        splits: dict[str, list[Shard]] = {}
        for shard, record in zip(self._shards, self._records, strict=True):
            splits.setdefault(shard.split, []).append(Shard(*record["shard"]))
        digests = zip(self._shards, self._result["sha256"], strict=True)
        counted = ("pages", "clusters", "in_clusters", "dropped")
        return Manifest(
            kind="c4",
            splits={split: tuple(found) for split, found in splits.items()},
            settings=_settings(self._plan),
            inputs=tuple(Input(files.base_name(shard.path), sha256) for shard, sha256 in digests),
            statistics={
                **{name: self.summary[name] for name in counted},
                "dropped_characters": sum(record["dropped_characters"] for record in self._records),
            },
        )


def _estimate(plan: Plan, shards: Sequence[TextShard], num_workers: int) -> str:
    packed = sum(files.size(shard.path) for shard in shards)
    pages = packed / _PACKED_BYTES_PER_PAGE
    seconds = pages / _PAGES_PER_CORE_SECOND / max(1, min(num_workers, len(shards)))
    keys = pages * (plan.banding.bands * _KEY_BYTES_PER_BAND + _OTHER_KEY_BYTES)
    return (
        f"would compare about {pages:,.0f} pages of {len(shards)} text shards ({packed / 1e6:,.0f} MB) and write those "
        f"that stay to {plan.output}: about {seconds:,.0f} s on {num_workers} workers, {keys / 1e6:,.0f} MB of work in "
        f"{plan.work} (removed at the end), {pages * _FOREST_BYTES_PER_PAGE / 1e6:,.0f} MB of memory for the clusters"
    )


def _last_line(made: Manifest, output: str, seconds: float) -> str:
    counts = made.statistics
    splits = " and ".join(f"{made.num_rows(split):,} {split}" for split in made.splits)
    return (
        f"{output}: {splits} pages; {counts['dropped']:,} of {counts['pages']:,} dropped, which are near to one of "
        f"{counts['clusters']:,} that stay ({cluster_files.FILE_NAME} names them), in {seconds:.1f} s; next: "
        f"python -m pipelines.c4_to_examples --input={output} --vocabulary=VOCABULARY --output=EXAMPLES"
    )


if __name__ == "__main__":
    run(main)
