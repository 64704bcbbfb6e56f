"""What `wet_to_c4` does after its flags are parsed."""

import argparse
import time

from apache_beam.options.pipeline_options import PipelineOptions

from c4pipe.crawl import paths
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.shards import manifest
from c4pipe.stages.wet_to_c4.make_c4 import MakeC4
from pipelines.jobs import corpus, crawl_cost
from pipelines.jobs.corpus import Job
from pipelines.jobs.crawl_cost import DOCUMENTED, Machines, Rates
from pipelines.launch import beam_options
from pipelines.launch.beam_flags import BeamFlags
from pipelines.launch.estimate import estimate, rates
from pipelines.launch.progress import Progress
from pipelines.launch.work_done import WorkDone


def perform(flags: argparse.Namespace, beam_flags: BeamFlags) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    if flags.crawl and not (flags.input or flags.input_list):
        print(_cost(flags, DOCUMENTED))
        return 0
    options = beam_options.options_of(flags, beam_flags)
    job = corpus.make_job(flags, options)
    work = WorkFolder(job.plan.work)
    folder = OutputFolder(
        job.plan.output, job.result(), overwrite=flags.overwrite, work=work, keep_work=flags.keep_work
    )
    if flags.dry_run and flags.crawl:
        print(_cost(flags, rates(job.plan, job.wet_files, job.rules)))
        return 0
    num_workers = beam_options.num_workers(options)
    if folder.is_answered(
        flags.dry_run,
        lambda: estimate(job.plan, job.wet_files, job.rules, num_workers),
        lambda: corpus.describe(manifest.read(str(folder))),
    ):
        return 0
    corpus.warn_of_small_disk(job)
    beam_options.spare_processes(options, beam_flags, corpus.input_bytes(job.wet_files))
    with folder.opened():
        made, report = make(job, options)
        folder.commit_manifest(made)
    timing = report["timing"]
    print(
        f"{folder}: {corpus.describe(made)} from {len(job.wet_files):,} WET files in {timing['seconds']:.0f} s "
        f"({timing['pages_per_second']:,} pages/s)"
    )
    print(f"next: python -m pipelines.c4_to_vocabulary --input={folder} --output=VOCABULARY")
    return 0


def _cost(flags: argparse.Namespace, of_bytes: Rates) -> str:
    size = crawl_cost.size_of(flags.crawl, flags.base_url or paths.BASE_URL)
    machines = Machines(flags.cores, flags.machines, flags.price_per_core_hour)
    return crawl_cost.cost_of_corpus(size, flags.num_files, of_bytes, machines)


def make(job: Job, options: PipelineOptions) -> tuple[manifest.Manifest, dict]:
    """Run the graph and write everything except the manifest. Returns: (manifest, report)."""
    started = time.time()
    result_path = corpus.prepare(job)
    with Progress("wet_to_c4", WorkDone(job.plan).look) as progress:
        beam_options.run(lambda pipeline: pipeline | MakeC4(job.plan, result_path), options)
    return corpus.finish(job, result_path, started, beam_options.num_workers(options), progress.peak_memory_bytes)
