"""The job of wet_to_c4: its plan and inputs, and the files that it writes after the graph."""

import platform
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import c4pipe
from c4pipe.corpus import assets, variants
from c4pipe.corpus.page_lists import ExcludedUrls, ListedUrls
from c4pipe.corpus.recipes import recipe_files
from c4pipe.corpus.recipes.variant import Variant
from c4pipe.corpus_run import results, work_folder
from c4pipe.corpus_run.inputs import list_inputs, read_unpacked, refuse_other_files, write_list
from c4pipe.corpus_run.keys import shuffle_bits
from c4pipe.corpus_run.plan import (
    EXCLUDED_ASSET,
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
from c4pipe.folders.kinds import KINDS, QUARANTINE
from c4pipe.folders.results import ManifestResult
from c4pipe.machine import free_bytes, num_cores
from c4pipe.report import corpus_report, data_set_card
from c4pipe.report.corpus_page import corpus_page
from c4pipe.report.summary import Summary
from c4pipe.shards import files
from c4pipe.shards.manifest import Manifest
from c4pipe.shown import without_credentials
from pipelines.jobs import earlier_crawls
from pipelines.launch import recipe_flags, report_page
from pipelines.launch.runner import Runner

MAX_DEFAULT_SHARDS = 1024
# Size of the keys that a worker compares at a time. Picking losers needs about seven times as much memory. With this
# size, that is less than language identification needs, so memory does not grow with the corpus.
BUCKET_BYTES = 16 << 20
_KEY_BYTES_PER_INPUT_BYTE = 0.25  # 36 bytes per line that cleaning keeps, divided by compressed bytes
_NUM_FILES_FOR_SIZE = 8
# Increased when the names of the written files change, so that no run continues in a folder with other names.
_LAYOUT = 3
# For cleaned pages, finished pages and keys. The help of --work_dir says this too.
_WORK_BYTES_PER_INPUT_BYTE = 3
# When a finished folder is compared with a command, larger inputs are not hashed.
_MOST_HASHED_BYTES = 16 << 30

_List = TypeVar("_List")


@dataclass(frozen=True)
class Job:
    """The job that a command line of wet_to_c4 describes.

    rules: for the workers. run: a digest that identifies it. notices: what a user should know of its earlier crawls.
    """

    plan: Plan
    wet_files: list[File]
    rules: RuleSet
    run: str
    notices: Sequence[str] = ()

    def result(self) -> ManifestResult:
        """The result that the command writes to its folder."""
        return ManifestResult(
            command="wet_to_c4",
            kind="c4",
            settings=self.plan.settings.to_json(),
            names=KINDS["c4"].names,
            inputs=self._difference,
            identity=self.run,
        )

    def _difference(self, made: Manifest) -> str | None:
        """How inputs, assets or version of a finished folder differ from this job; None: they do not differ."""
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
        return None if is_same else "its input files have changed since then"


def make_job(flags: Namespace, runner: Runner, work: str | None = None) -> Job:
    """Make the job from the flags. Raises: UserError for any mistake in them.

    work: the path of the work folder, if it is shared with other corpora.
    """
    variant = recipe_flags.variant_of(flags)
    languages = variants.languages_of(variant, flags.languages)
    variant = variants.for_run(variant, languages, flags.language_identifier)
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
    output = flags.output.rstrip("/") or "/"
    previous = earlier_crawls.folders_of(flags.previous)
    settings = _settings(flags, variant, languages, hashes, len(wet_files))
    earlier = earlier_crawls.open_earlier(previous, output, settings)
    settings = replace(settings, previous=tuple(crawl.corpus.keys for crawl in earlier.crawls))
    work = work or work_folder.place(output, flags.work_dir)
    through_files = keys_go_through_files(runner)
    places = {"output": output, "work_dir": work, "input": wet_files[0].path}
    if previous:
        places["previous"] = min(previous, key=files.is_remote)
    runner.refuse_local_paths(**places)
    paths = [without_credentials(file.path) for file in wet_files]
    run_name = digest(settings.to_json(), hashes, flags.samples_per_rule, paths, _LAYOUT)[:16]
    plan = Plan(
        settings=settings,
        variant=variant,
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
        shuffle_bits=0 if through_files else num_shuffle_bits(wet_files),
        earlier=earlier,
    )
    notices = earlier_crawls.notices(earlier, [file.name for file in wet_files])
    return Job(plan, wet_files, RuleSet(found, listed, excluded), run_name, notices)


def _settings(
    flags: Namespace, variant: Variant, languages: tuple[str, ...], hashes: Mapping[str, str], num_wet_files: int
) -> Settings:
    """The settings of a run without earlier crawls. hashes: the SHA-256 of each asset."""
    return Settings(
        variant=variant.name,
        recipe=recipe_files.digest(variant),
        compat=flags.compat,
        wet_parser=flags.wet_parser,
        languages=languages,
        language_identifier=variant.language_identifier,
        num_shards=flags.num_shards or min(num_wet_files, MAX_DEFAULT_SHARDS),
        format=flags.format,
        assets=hashes,
        near_duplicates=variants.MINHASH if variant.near_duplicates else variants.KEPT,
        keys=flags.keys,
        language_probability=flags.language_probability,
    )


def keys_go_through_files(runner: Runner) -> bool:
    """Whether keys are exchanged through files in the work folder, as on a single machine."""
    return runner.is_local


def num_shuffle_bits(wet_files: list[File]) -> int:
    """The number of buckets for a runner's shuffle of the keys of these files, as a power of two."""
    return shuffle_bits(input_bytes(wet_files) * _KEY_BYTES_PER_INPUT_BYTE)


def input_bytes(wet_files: list[File]) -> float:
    """The approximate size of all WET files, from a few of them, because there may be 64,000 on a remote store."""
    some = wet_files[:: max(len(wet_files) // _NUM_FILES_FOR_SIZE, 1)]
    sizes = [files.size(file.path) for file in some if files.exists(file.path)]
    return sum(sizes) / max(len(sizes), 1) * len(wet_files)


def warn_of_small_disk(jobs: Sequence[Job]) -> None:
    """Print a notice if the work folder of these jobs may have too little free space."""
    job = jobs[0]
    if files.is_remote(job.plan.work):
        return
    num_cleanings = len({job.plan.cleaning_key for job in jobs})
    needed = _WORK_BYTES_PER_INPUT_BYTE * input_bytes(job.wet_files) * num_cleanings
    free = free_bytes(job.plan.work)
    if free < needed:
        print(
            f"notice: the work files may need {needed / 1e6:,.0f} MB in {job.plan.work}, "
            f"where {free / 1e6:,.0f} MB are free; --work_dir moves them, --dry_run estimates more exactly",
            file=sys.stderr,
        )


def _read_list(
    path: str | None, asset: str, hashes: dict[str, str], made: Callable[[Iterable[str]], _List]
) -> _List | None:
    if path is None:
        return None
    content = read_unpacked(path)
    hashes[asset] = digest(content.hex())
    return made(line.strip() for line in content.decode("utf-8", "replace").splitlines() if line.strip())


def prepare(job: Job) -> str:
    """Write the files that workers read to the work folder. Returns: the path of the graph's result."""
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

    started: in seconds since the epoch.
    Raises: UserError if too many records could not be read.
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
    report["notices"] += job.notices
    results.write_report(plan, report)
    report_page.write(plan.output, lambda: corpus_page(report))
    for notice in report["notices"]:
        print(f"notice: {notice}", file=sys.stderr)
    quarantine = report["quarantine"]
    if not report["finished"]:
        raise UserError(
            f"{quarantine['records']:,} records ({quarantine['fraction']:.2%}) could not be read, more than "
            f"--max_quarantined_fraction={quarantine['limit']:g}; {plan.output}/{QUARANTINE} lists them. "
            "Raise the limit to continue without them"
        )
    if faults := corpus_report.failed(report):
        raise RuntimeError(f"the counts do not add up, which is a bug of c4pipe: {'; '.join(faults)}")
    results.write_clusters(plan, result)
    made = results.make_manifest(plan, result)
    data_set_card.write(plan.output, made, data_set_card.of_corpus(made, report))
    return made, report


def describe(made: Manifest) -> str:
    """The result in words: the pages and bytes per split, the largest split first."""
    splits = sorted(made.splits, key=lambda split: (-made.num_rows(split), split))
    sizes = [f"{made.num_rows(split):,} {split}" for split in splits]
    shown = ", ".join(sizes[:4]) + (f" and {len(sizes) - 4} more splits" if len(sizes) > 4 else "")
    size = sum(shard.bytes for shards in made.splits.values() for shard in shards)
    return f"{made.statistics['pages']:,} pages ({shown}; {size / 1e6:,.1f} MB)"
