"""Runs the graph of wet_to_c4 for one corpus or several, and finishes their folders one by one."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from c4pipe.folders.output_folder import OutputFolder
from pipelines.jobs import corpus
from pipelines.jobs.corpus import Job
from pipelines.launch.progress import Progress
from pipelines.launch.runner import Runner
from pipelines.launch.work_done import WorkDone


@dataclass(frozen=True)
class Made:
    """A corpus whose shards are written. started: in seconds since the epoch."""

    job: Job
    result_path: str
    started: float
    num_workers: int
    peak_memory_bytes: int

    def commit(self, folder: OutputFolder) -> str:
        """Write the rest of its folder; last the manifest. Returns: a line that tells what it has."""
        made, report = corpus.finish(self.job, self.result_path, self.started, self.num_workers, self.peak_memory_bytes)
        folder.commit_manifest(made)
        timing = report["timing"]
        return (
            f"{folder}: {corpus.describe(made)} from {len(self.job.wet_files):,} WET files in "
            f"{timing['seconds']:.0f} s ({timing['pages_per_second']:,} pages/s)"
        )


def run(jobs: Sequence[Job], runner: Runner) -> list[Made]:
    """Write the shards of all corpora. jobs: with the same WET files and the same work folder."""
    started = time.time()
    runner.spare_processes(corpus.input_bytes(jobs[0].wet_files))
    from c4pipe.stages.wet_to_c4.make_c4 import MakeC4  # only now it is known whether it needs Beam

    paths = [corpus.prepare(job) for job in jobs]
    plans = [job.plan for job in jobs]
    with Progress("wet_to_c4", WorkDone(plans).look) as progress:
        runner.run(lambda pipeline: pipeline | MakeC4(plans, paths))
    return [
        Made(job, path, started, runner.num_workers, progress.peak_memory_bytes)
        for job, path in zip(jobs, paths, strict=True)
    ]
