"""What wet_to_c4 works on: its plan and inputs, and what it leaves in its folder once the graph has run."""

import math
import platform
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from apache_beam.options.pipeline_options import PipelineOptions

import c4pipe
from c4pipe.corpus import assets, variants
from c4pipe.corpus.page_lists import ExcludedUrls, ListedUrls
from c4pipe.corpus_run import results, work_folder
from c4pipe.corpus_run.inputs import list_inputs, refuse_other_files, write_list
from c4pipe.corpus_run.plan import (
    EXCLUDED_ASSET,
    KEY_PART_BITS,
    LISTED_ASSET,
    File,
    Plan,
    RuleSet,
    Settings,
    code_digest,
    digest,
    write_rules,
)
from c4pipe.errors import UserError
from c4pipe.folders.kinds import KINDS
from c4pipe.folders.results import ManifestResult
from c4pipe.machine import free_bytes, num_cores
from c4pipe.report import corpus_report, data_set_card
from c4pipe.report.corpus_page import corpus_page
from c4pipe.report.summary import Summary
from c4pipe.shards import files
from c4pipe.shards.manifest import Manifest
from c4pipe.shown import without_credentials
from pipelines.launch import beam_options, report_page

MAX_DEFAULT_SHARDS = 1024
# Keys that meet at a time in a worker. Picking losers takes some seven times as much; with this it stays below what
# identifying languages takes, so that memory does not grow with the corpus.
BUCKET_BYTES = 16 << 20
_SHUFFLE_BUCKET_BYTES = 64 << 20
_KEY_BYTES_AN_INPUT_BYTE = 0.25  # 36 bytes a line that cleaning keeps, by compressed bytes
_FEWEST_SHUFFLE_BITS = 6
_NUM_ASKED = 8
# Raised with the names of the files that are written, so that no run goes on in a folder half-made with other names.
_LAYOUT = 2
# Cleaned and finished pages, keys: what the flag's help says too.
_WORK_BYTES_AN_INPUT_BYTE = 3
# A crawl's input is hashed only up to here when a finished folder is compared with a command.
_MOST_HASHED_BYTES = 16 << 30

_List = TypeVar("_List")


@dataclass(frozen=True)
class Job:
    """A command line, understood: the plan, its inputs, and what the workers need of files. run: names all of it."""

    plan: Plan
    wet_files: list[File]
    rules: RuleSet
    run: str

    def result(self) -> ManifestResult:
        """What the command would leave in its folder."""
        return ManifestResult(
            command="wet_to_c4",
            kind="c4",
            settings=self.plan.settings.to_json(),
            names=KINDS["c4"].names,
            inputs=self._difference,
            identity=self.run,
        )

    def _difference(self, made: Manifest) -> str | None:
        """How the inputs, the assets or the version of a finished folder differ from this job's; None: not at all."""
        if made.version != c4pipe.__version__:
            return f"made by version {made.version}"
        asked = dict(self.plan.settings.assets)
        if differing := sorted(name for name in {*made.assets, *asked} if made.assets.get(name) != asked.get(name)):
            return f"other {', '.join(differing)}"
        if [entry.name for entry in made.inputs] != [file.name for file in self.wet_files]:
            return "made from other files"
        size = sum(files.size(file.path) for file in self.wet_files)
        is_same = size == made.statistics.get("input_bytes") and (
            size > _MOST_HASHED_BYTES
            or all(
                entry.sha256 == files.sha256(file.path) for entry, file in zip(made.inputs, self.wet_files, strict=True)
            )
        )
        return None if is_same else "its input files have changed since"


def make_job(flags: Namespace, options: PipelineOptions) -> Job:
    """Understand the command line. Raises: UserError for whatever is wrong with it."""
    variant, compat = variants.variant_named(flags.variant), variants.compat_named(flags.compat)
    languages = variants.languages_of(variant, flags.languages)
    wet_files = list_inputs(flags.input, flags.input_list, flags.base_url)
    if not flags.accept_other_records:
        refuse_other_files(wet_files, flags.wet_parser)
    found = assets.resolve(
        variant,
        folder=flags.assets,
        sentence_model=flags.sentence_model,
        badwords_file=flags.badwords,
        languages=languages,
    )
    hashes = dict(found.sha256)
    listed = _read_list(flags.urls, LISTED_ASSET, hashes, ListedUrls)
    excluded = _read_list(flags.exclude_urls, EXCLUDED_ASSET, hashes, ExcludedUrls)
    settings = Settings(
        variant=variant.name,
        compat=compat.name,
        wet_parser=flags.wet_parser,
        languages=languages,
        language_identifier=flags.language_identifier or variant.language_identifier,
        num_shards=flags.num_shards or min(len(wet_files), MAX_DEFAULT_SHARDS),
        format=flags.format,
        assets=hashes,
    )
    output = flags.output.rstrip("/") or "/"
    work = work_folder.place(output, flags.work_dir)
    through_files = keys_go_through_files(options)
    beam_options.refuse_local_paths(options, output=output, work_dir=work, input=wet_files[0].path)
    paths = [without_credentials(file.path) for file in wet_files]
    run_name = digest(settings.to_json(), hashes, flags.samples_per_rule, paths, _LAYOUT)[:16]
    plan = Plan(
        settings=settings,
        output=output,
        work=work,
        inputs=files.join(work, f"inputs-{run_name}.jsonl"),
        rules=files.join(work, f"rules-{digest(hashes)[:16]}.npz"),
        num_files=len(wet_files),
        code=code_digest(),
        samples_per_rule=flags.samples_per_rule,
        max_quarantined_fraction=flags.max_quarantined_fraction,
        through_files=through_files,
        bucket_bytes=BUCKET_BYTES,
        shuffle_bits=_FEWEST_SHUFFLE_BITS if through_files else shuffle_bits(wet_files),
    )
    return Job(plan, wet_files, RuleSet(found, listed, excluded), run_name)


def keys_go_through_files(options: PipelineOptions) -> bool:
    """Whether keys meet in files of the work folder, as they do on one machine."""
    return beam_options.is_local(options)


def shuffle_bits(wet_files: list[File]) -> int:
    """For a runner's shuffle: the number of buckets, as a power of two, so that each has some 64 MiB.

    Sizes are asked of a few files only: there may be 64,000 of them far away.
    """
    some = wet_files[:: max(len(wet_files) // _NUM_ASKED, 1)]
    asked = [files.size(file.path) for file in some if files.exists(file.path)]
    size = sum(asked) / max(len(asked), 1) * len(wet_files)
    count = size * _KEY_BYTES_AN_INPUT_BYTE / _SHUFFLE_BUCKET_BYTES
    return min(max(math.ceil(math.log2(max(count, 1))), _FEWEST_SHUFFLE_BITS), KEY_PART_BITS)


def input_bytes(wet_files: list[File]) -> float:
    """About the size of all WET files. A few are asked only: there may be 64,000 of them far away."""
    some = wet_files[:: max(len(wet_files) // _NUM_ASKED, 1)]
    asked = [files.size(file.path) for file in some if files.exists(file.path)]
    return sum(asked) / max(len(asked), 1) * len(wet_files)


def say_if_tight(job: Job) -> None:
    """A notice before the work begins, where its folder has less room than it may take."""
    if files.is_remote(job.plan.work):
        return
    needed, free = _WORK_BYTES_AN_INPUT_BYTE * input_bytes(job.wet_files), free_bytes(job.plan.work)
    if free < needed:
        print(
            f"notice: the work may take {needed / 1e6:,.0f} MB in {job.plan.work}, "
            f"where {free / 1e6:,.0f} MB are free; --work_dir moves it, --dry_run tells more exactly",
            file=sys.stderr,
        )


def _read_list(
    path: str | None, asset: str, hashes: dict[str, str], made: Callable[[Iterable[str]], _List]
) -> _List | None:
    if path is None:
        return None
    import gzip

    content = files.read_bytes(path)
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise UserError(f"{path} is damaged ({error}); copy it again") from error
    hashes[asset] = digest(content.hex())
    return made(line.strip() for line in content.decode("utf-8", "replace").splitlines() if line.strip())


def prepare(job: Job) -> str:
    """Leave in the work folder what workers read from there; returns where the graph will leave its result."""
    plan = job.plan
    write_list(plan.inputs, job.wet_files)
    write_rules(plan.rules, job.rules)
    result_path = files.join(plan.work, f"result-{job.run}.json")
    files.remove(result_path)
    return result_path


def finish(
    job: Job, result_path: str, started: float, num_workers: int, peak_memory_bytes: int
) -> tuple[Manifest, dict]:
    """Write quarantine, report, page and card. Returns: (the manifest of the folder, its report).

    started: seconds since the epoch. Raises: UserError if too many records could not be read.
    """
    plan, result = job.plan, results.read_result(result_path)
    results.write_quarantine(plan, Summary.from_json(result["cleaned"]))
    timing = {
        "seconds": round(time.time() - started, 2),
        "started": results.started_at(started),
        "workers": num_workers,
    }
    machine = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": num_cores(),
        "peak_memory_bytes": peak_memory_bytes,
    }
    report = results.make_report(plan, result, timing, machine)
    results.write_report(plan, report)
    report_page.write(plan.output, lambda: corpus_page(report))
    for said in report["notices"]:
        print(f"notice: {said}", file=sys.stderr)
    quarantine = report["quarantine"]
    if not report["finished"]:
        raise UserError(
            f"{quarantine['records']:,} records ({quarantine['fraction']:.2%}) could not be read, more than "
            f"--max_quarantined_fraction={quarantine['limit']:g}; {plan.output}/{results.QUARANTINE} lists them. "
            "Raise the limit to go on without them"
        )
    if faults := corpus_report.failed(report):
        raise RuntimeError(f"the counts do not add up, which is a bug of c4pipe: {'; '.join(faults)}")
    made = results.make_manifest(plan, result)
    data_set_card.write(plan.output, made, data_set_card.of_corpus(made, report))
    return made, report


def describe(made: Manifest) -> str:
    """One phrase: how many pages and bytes in which splits, the largest first."""
    splits = sorted(made.splits, key=lambda split: (-made.num_rows(split), split))
    sizes = [f"{made.num_rows(split):,} {split}" for split in splits]
    shown = ", ".join(sizes[:4]) + (f" and {len(sizes) - 4} more splits" if len(sizes) > 4 else "")
    size = sum(shard.bytes for shards in made.splits.values() for shard in shards)
    return f"{made.statistics['pages']:,} pages ({shown}; {size / 1e6:,.1f} MB)"
