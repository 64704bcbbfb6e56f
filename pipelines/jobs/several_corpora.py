"""Several corpora from the same WET files: each in a folder of its own, with one work folder for all."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack

from c4pipe.corpus_run import work_folder
from c4pipe.corpus_run.plan import digest
from c4pipe.folders import shared_work
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.shards import manifest
from pipelines.jobs import corpus, corpus_graph
from pipelines.jobs.corpus import Job
from pipelines.launch.estimate import estimate_together
from pipelines.launch.runner import Runner


def make(flags: argparse.Namespace, of_each: Sequence[argparse.Namespace], runner: Runner) -> None:
    """Make the corpora that are not finished yet, or, for a dry run, tell what that needs.

    flags: of the command. of_each: the flags of each corpus (`corpora_flags.of_each_corpus`).
    """
    output = flags.output.rstrip("/") or "/"
    work = WorkFolder(work_folder.place(output, flags.work_dir))
    jobs = [corpus.make_job(of_corpus, runner, work.path) for of_corpus in of_each]
    folders = [OutputFolder(job.plan.output, job.result(), overwrite=flags.overwrite) for job in jobs]
    if flags.dry_run:
        _tell(jobs, folders, work, runner.num_workers)
        return
    left = [(job, folder) for job, folder in zip(jobs, folders, strict=True) if not _is_finished(folder)]
    if not left and not work.exists():
        return
    run = digest([job.run for job in jobs])
    with shared_work.opened(work, output, "wet_to_c4", run, keeps=flags.keep_work):
        if left:
            _make([job for job, _ in left], [folder for _, folder in left], runner)


def _is_finished(folder: OutputFolder) -> bool:
    """Whether a corpus is finished; if it is, prints what it has."""
    return folder.is_answered(False, str, lambda: corpus.describe(manifest.read(str(folder))))


def _make(jobs: Sequence[Job], folders: Sequence[OutputFolder], runner: Runner) -> None:
    corpus.warn_of_small_disk(jobs)
    with ExitStack() as stack:
        open_folders = [stack.enter_context(ExitStack()) for _ in folders]
        for open_folder, folder in zip(open_folders, folders, strict=True):
            open_folder.enter_context(folder.opened())
        for made, open_folder, folder in zip(corpus_graph.run(jobs, runner), open_folders, folders, strict=True):
            line = made.commit(folder)
            # So that a run that is killed from now on leaves no lock in the finished folder.
            open_folder.close()
            print(line)


def _tell(jobs: Sequence[Job], folders: Sequence[OutputFolder], work: WorkFolder, num_workers: int) -> None:
    """What a run would do. Raises: UserError if it would be refused."""
    left = []
    for job, folder in zip(jobs, folders, strict=True):
        if finished := folder.outlook(str):
            print(finished)
        else:
            left.append(job)
    work.check()
    if left:
        print(
            estimate_together([job.plan for job in left], left[0].wet_files, [job.rules for job in left], num_workers)
        )
