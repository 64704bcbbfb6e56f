"""What `wet_to_c4` does after its flags are parsed."""

import argparse
import shlex

from c4pipe.crawl import paths
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.shards import manifest
from pipelines.jobs import corpus, corpus_graph, crawl_cost, several_corpora
from pipelines.jobs.crawl_cost import DOCUMENTED, Machines, Rates
from pipelines.launch import corpora_flags
from pipelines.launch.beam_flags import BeamFlags
from pipelines.launch.estimate import estimate, rates
from pipelines.launch.runner import Runner


def perform(flags: argparse.Namespace, beam_flags: BeamFlags) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    if flags.crawl and not (flags.input or flags.input_list):
        print(_cost(flags, DOCUMENTED))
        return 0
    runner = Runner(flags, beam_flags)
    of_each = corpora_flags.of_each_corpus(flags)
    if len(of_each) > 1:
        several_corpora.make(flags, of_each, runner)
        return 0
    job = corpus.make_job(flags, runner)
    work = WorkFolder(job.plan.work)
    folder = OutputFolder(
        job.plan.output, job.result(), overwrite=flags.overwrite, work=work, keep_work=flags.keep_work
    )
    if flags.dry_run and flags.crawl:
        print(_cost(flags, rates(job.plan, job.wet_files, job.rules)))
        return 0
    if folder.is_answered(
        flags.dry_run,
        lambda: estimate(job.plan, job.wet_files, job.rules, runner.num_workers),
        lambda: corpus.describe(manifest.read(str(folder))),
    ):
        return 0
    corpus.warn_of_small_disk([job])
    with folder.opened():
        (made,) = corpus_graph.run([job], runner)
        last_line = made.commit(folder)
    print(last_line)
    print(f"next: python -m pipelines.c4_to_vocabulary --input={shlex.quote(str(folder))} --output=VOCABULARY")
    return 0


def _cost(flags: argparse.Namespace, of_bytes: Rates) -> str:
    size = crawl_cost.size_of(flags.crawl, flags.base_url or paths.BASE_URL)
    machines = Machines(flags.cores, flags.machines, flags.price_per_core_hour)
    return crawl_cost.cost_of_corpus(size, flags.num_files, of_bytes, machines)
