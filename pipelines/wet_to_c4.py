"""Make C4 from WET files: text shards, their manifest, and a report of what went and why.

    python -m pipelines.wet_to_c4 --input='wet/*.warc.wet.gz' --output=c4/en

A run that was stopped, by whatever means, goes on where it was when the same command is given again.
"""

import argparse
import math
import platform
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from apache_beam.options.pipeline_options import PipelineOptions

import c4pipe
from c4pipe.command_line import EXIT_USER_ERROR, Parser, run
from c4pipe.corpus import assets, variants
from c4pipe.corpus.language.identifier import IDENTIFIERS
from c4pipe.corpus.page_lists import ExcludedUrls, ListedUrls
from c4pipe.corpus.wet.parsers import WET_PARSERS
from c4pipe.corpus_run import finish_folder, work_folder
from c4pipe.corpus_run.inputs import list_inputs, write_list
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
from c4pipe.report import corpus_report
from c4pipe.report.corpus_page import corpus_page
from c4pipe.report.summary import Summary
from c4pipe.shards import files, manifest, output_folder
from c4pipe.shards.text_shards import WRITERS
from c4pipe.shown import without_credentials
from c4pipe.stages.wet_to_c4.make_c4 import MakeC4
from pipelines.launch import beam_options
from pipelines.launch.estimate import estimate, free_bytes
from pipelines.launch.progress import Progress
from pipelines.launch.work_done import WorkDone

MAX_DEFAULT_SHARDS = 1024
# Keys that meet at a time in a worker. Picking losers takes some seven times as much; with this it stays below what
# identifying languages takes, so that memory does not grow with the corpus.
BUCKET_BYTES = 16 << 20
_SHUFFLE_BUCKET_BYTES = 64 << 20
_KEY_BYTES_AN_INPUT_BYTE = 0.25  # 36 bytes a line that cleaning keeps, by compressed bytes
_FEWEST_SHUFFLE_BITS = 6
_NUM_ASKED = 8
# Cleaned and finished pages, keys: what the flag's help says too.
_WORK_BYTES_AN_INPUT_BYTE = 3
# A crawl's input is hashed only up to here when a finished folder is compared with a command.
_MOST_HASHED_BYTES = 16 << 30

_List = TypeVar("_List")


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.wet_to_c4", description=__doc__)
    add = parser.add_argument
    add("--input", help="globs of WET files, with commas; paths or URLs")
    add("--input_list", help="a file with one WET file a line, instead of --input")
    add("--output", required=True, help="folder for the shards, the manifest and the report")
    add("--variant", default="en", help=f"one of {', '.join(variants.VARIANTS)}")
    add("--compat", default="tfds-3.1.0", help=f"whose results: one of {', '.join(variants.COMPATS)}")
    add("--wet_parser", default="tfds", choices=WET_PARSERS, help="tfds reads lines as the reference; warc, lengths")
    add("--languages", help="keep these only (with commas); all of the variant's if not given")
    add("--language_identifier", choices=IDENTIFIERS, help="the variant's if not given")
    add("--assets", help="folder with punkt_tab, badwords, realnews; downloaded once if not given")
    add("--sentence_model", default=assets.PUNKT_TAB, help="punkt_tab, bundled, or a folder with Punkt's four files")
    add("--badwords", metavar="LANG:FILE,...", help="bad words of your own, one per line, instead of a language's list")
    add("--urls", help="for webtextlike: the URLs to keep, one a line (.gz too)")
    add("--exclude_urls", help="URLs or domains that must not be in the corpus, one a line (.gz too)")
    add("--num_shards", type=int, help="shards of a training split; the number of WET files, 1,024 at most")
    add("--format", default="json.gz", choices=WRITERS, help="of the text shards")
    add("--work_dir", help="where to make the folder of the work, some three times the input; OUTPUT if not given")
    add("--keep_work", action="store_true", help="leave the work folder there when all is done")
    add("--samples_per_rule", type=int, default=20, help="dropped pages and lines that the report shows of each rule")
    add("--max_quarantined_fraction", type=float, default=0.01, help="more unreadable records than this is an error")
    add("--overwrite", action="store_true", help="replace what another run left in the output folder")
    add("--dry_run", action="store_true", help="say what would be done, and how much time, memory and disk it takes")
    return parser


@dataclass(frozen=True)
class Job:
    """A command line, understood: the plan, its inputs, and what the workers need of files."""

    plan: Plan
    wet_files: list[File]
    rules: RuleSet
    run: str


def main(argv: list[str] | None = None) -> int:
    flags, options = beam_options.parse(parser(), argv)
    job = make_job(flags, options)
    plan = job.plan
    if flags.dry_run:
        print(estimate(plan, job.wet_files, job.rules, beam_options.num_workers(options)))
        return 0
    if not output_folder.open_folder(
        plan.output, job.run, lambda: is_finished(job), finish_folder.is_ours, flags.overwrite
    ):
        tidy(plan, keep_work=flags.keep_work)
        print(f"{plan.output} is finished already: {describe(manifest.read(plan.output))}; nothing to do")
        return 0
    with work_folder.locked(plan.work):
        return make(job, options, keep_work=flags.keep_work)


def make(job: Job, options: PipelineOptions, *, keep_work: bool) -> int:
    """Run the graph and write what comes after it; the exit status."""
    plan, started, num_workers = job.plan, time.time(), beam_options.num_workers(options)
    say_if_tight(job)
    result_path = prepare(job)
    with Progress("wet_to_c4", WorkDone(plan).look) as progress:
        beam_options.run(lambda pipeline: pipeline | MakeC4(plan, result_path), options)
    timing = {
        "seconds": round(time.time() - started, 2),
        "started": finish_folder.started_at(started),
        "workers": num_workers,
    }
    machine = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": beam_options.num_cores(),
        "peak_memory_bytes": progress.peak_memory_bytes,
    }
    return finish(job, result_path, timing, machine, keep_work=keep_work)


def make_job(flags: argparse.Namespace, options: PipelineOptions) -> Job:
    """Understand the command line. Raises: UserError for whatever is wrong with it."""
    variant, compat = variants.variant_named(flags.variant), variants.compat_named(flags.compat)
    if flags.num_shards is not None and not 1 <= flags.num_shards <= 99_999:
        raise UserError("--num_shards must be between 1 and 99999")
    if not 0 <= flags.max_quarantined_fraction <= 1:
        raise UserError("--max_quarantined_fraction is a share, between 0 and 1")
    languages = variants.languages_of(variant, flags.languages)
    if variant.listed_urls and not flags.urls:
        raise UserError(f"variant {variant.name} needs --urls=FILE: the URLs to keep, one a line")
    if flags.urls and not variant.listed_urls:
        raise UserError(f"variant {variant.name} takes no --urls; --variant=webtextlike does")
    wet_files = list_inputs(flags.input, flags.input_list)
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
    run_name = digest(
        settings.to_json(), hashes, flags.samples_per_rule, [without_credentials(file.path) for file in wet_files]
    )[:16]
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
    needed, free = _WORK_BYTES_AN_INPUT_BYTE * input_bytes(job.wet_files), free_bytes(job.plan.work)
    if free is not None and free < needed:
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


def is_finished(job: Job) -> bool:
    """Whether the output folder holds what this command would make."""
    held = manifest.read(job.plan.output)
    settings = job.plan.settings
    if (held.kind, dict(held.settings), dict(held.assets), held.version) != (
        "c4", settings.to_json(), dict(settings.assets), c4pipe.__version__
    ):  # fmt: skip
        return False
    if [entry.name for entry in held.inputs] != [file.name for file in job.wet_files]:
        return False
    sizes = sum(files.size(file.path) for file in job.wet_files)
    if sizes != held.statistics.get("input_bytes"):
        return False
    return sizes > _MOST_HASHED_BYTES or all(
        entry.sha256 == files.sha256(file.path) for entry, file in zip(held.inputs, job.wet_files, strict=True)
    )


def prepare(job: Job) -> str:
    """Leave in the work folder what workers read from there; returns where the graph will leave its result."""
    plan = job.plan
    work_folder.remove_incomplete(plan.work)
    if not files.is_remote(plan.output):
        files.remove_incomplete(plan.output)
    write_list(plan.inputs, job.wet_files)
    write_rules(plan.rules, job.rules)
    result_path = files.join(plan.work, f"result-{job.run}.json")
    files.remove(result_path)
    return result_path


def finish(job: Job, result_path: str, timing: dict, machine: dict, *, keep_work: bool) -> int:
    """Write quarantine, report and manifest, clear the work, and say what was done; the exit status."""
    plan, result = job.plan, finish_folder.read_result(result_path)
    finish_folder.write_quarantine(plan, Summary.from_json(result["cleaned"]))
    report = finish_folder.make_report(plan, result, timing, machine)
    finish_folder.write_report(plan, report)
    write_page(plan, report)
    quarantine = report["quarantine"]
    if not report["finished"]:
        print(
            f"error: {quarantine['records']:,} records ({quarantine['fraction']:.2%}) could not be read, more than "
            f"--max_quarantined_fraction={quarantine['limit']:g}; {plan.output}/{finish_folder.QUARANTINE} lists them. "
            "Raise the limit to go on without them",
            file=sys.stderr,
        )
        return EXIT_USER_ERROR
    if faults := corpus_report.failed(report):
        raise RuntimeError(f"the counts do not add up, which is a bug of c4pipe: {'; '.join(faults)}")
    made = finish_folder.make_manifest(plan, result)
    manifest.write(plan.output, made)
    tidy(plan, keep_work=keep_work)
    print(f"{plan.output}: {describe(made)} from {len(job.wet_files):,} WET files in {timing['seconds']:.0f} s "
          f"({report['timing']['pages_per_second']:,} pages/s)")  # fmt: skip
    print(f"next: python -m pipelines.c4_to_vocabulary --input={plan.output} --output=VOCABULARY")
    return 0


def tidy(plan: Plan, *, keep_work: bool) -> None:
    """Remove what a finished folder needs no more; there may be some where a run was killed after its manifest."""
    if output_folder.is_open(plan.output):
        if not keep_work:
            work_folder.remove(plan.work)
        output_folder.close_folder(plan.output)


def write_page(plan: Plan, report: dict) -> None:
    """`report.html`, from report.json; a missing library costs one notice."""
    try:
        page = corpus_page(report)
    except UserError as error:
        print(f"notice: no report.html: {error}", file=sys.stderr)
        return
    files.write_bytes(files.join(plan.output, finish_folder.REPORT_PAGE), page.encode("utf-8", "backslashreplace"))


def describe(made: manifest.Manifest) -> str:
    """One phrase: how many pages and bytes in which splits, the largest first."""
    splits = sorted(made.splits, key=lambda split: (-made.num_rows(split), split))
    sizes = [f"{made.num_rows(split):,} {split}" for split in splits]
    shown = ", ".join(sizes[:4]) + (f" and {len(sizes) - 4} more splits" if len(sizes) > 4 else "")
    size = sum(shard.bytes for shards in made.splits.values() for shard in shards)
    return f"{made.statistics['pages']:,} pages ({shown}; {size / 1e6:,.1f} MB)"


if __name__ == "__main__":
    run(main)
