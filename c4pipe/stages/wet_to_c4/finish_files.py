"""Finishes cleaned files: removes the pages and lines that they lost, judges the rest, and groups it by split."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from c4pipe.corpus import chain
from c4pipe.corpus.judging import Judges
from c4pipe.corpus.language.catalog import load_identifier
from c4pipe.corpus_run.judges_of_worker import SharedIdentifiers, judges_of_worker
from c4pipe.corpus_run.plan import EXCLUDED_ASSET, File, Plan
from c4pipe.shards.work.work_files import is_whole, read_record, write_record
from c4pipe.stages.engine import beam
from c4pipe.stages.wet_to_c4.distinct_pages import DistinctPages, are_noted
from c4pipe.stages.wet_to_c4.finished_file import Finished, FinishedFile
from c4pipe.stages.wet_to_c4.judge_files import FileJudging, lost_of
from c4pipe.stages.wet_to_c4.keys_of_file import are_whole
from c4pipe.stages.wet_to_c4.pick_losers import Losses


@dataclass(frozen=True)
class Branch:
    """The graph of one plan, after its contest.

    contest: the number of its contest. run_key: a singleton that names the work of its run. clusters_key: a singleton
    that names its clusters of near-duplicates; None if they are not dropped.
    """

    plan: Plan
    contest: int
    run_key: Any
    clusters_key: Any = None


class FinishFiles(beam.PTransform):
    """A tuple with the `Losses` of a file in each contest -> for each branch, `Finished` per file.

    Plans with the same contest and `judging_key` share their judged pages. All share what language identifiers answer.
    """

    def __init__(self, branches: Sequence[Branch]) -> None:
        super().__init__()
        self._branches = branches

    def expand(self, losses):
        branches = self._branches
        with_clusters = [branch.clusters_key is not None for branch in branches]
        keys = [branch.run_key for branch in branches]
        keys += [branch.clusters_key for branch in branches if branch.clusters_key is not None]
        plans, contests = [branch.plan for branch in branches], [branch.contest for branch in branches]
        finish = beam.ParDo(_FinishFile(plans, contests, with_clusters), *map(beam.pvalue.AsSingleton, keys))
        if len(branches) == 1:
            return [losses | finish]
        finished = losses | finish.with_outputs(*map(str, range(len(branches))))
        return [finished[str(place)] for place in range(len(branches))]


class _FinishFile(beam.DoFn):
    """with_clusters: whether each plan drops near-duplicates."""

    def __init__(self, plans: Sequence[Plan], contests: Sequence[int], with_clusters: Sequence[bool]) -> None:
        self._plans, self._contests, self._with_clusters = plans, contests, with_clusters

    def setup(self):
        self._identifiers = SharedIdentifiers()
        load = self._identifiers.load if len(self._plans) > 1 else load_identifier
        self._judges = [
            (
                judges_of_worker(plan, chain.AFTER_LINES, load),
                judges_of_worker(plan, chain.AFTER_NEAR_DUPLICATES, load),
            )
            for plan in self._plans
        ]

    def process(self, of_contests: Sequence[Losses], *keys: str):
        finished = self._finish(of_contests, keys)
        for place, of_plan in enumerate(finished):
            yield of_plan if len(finished) == 1 else beam.pvalue.TaggedOutput(str(place), of_plan)

    def _finish(self, of_contests: Sequence[Losses], keys: Sequence[str]) -> list[Finished]:
        """Finish a file for each plan. keys: the keys of the runs, then of the clusters."""
        run_keys, clusters_keys = keys[: len(self._plans)], iter(keys[len(self._plans) :])
        runs = [
            FileOfRun(plan, of_contests[contest], run_key, next(clusters_keys) if has_clusters else "")
            for plan, contest, run_key, has_clusters in zip(
                self._plans, self._contests, run_keys, self._with_clusters, strict=True
            )
        ]
        groups: dict[tuple[str, str], list[int]] = {}
        for place, run in enumerate(runs):
            if not (run.is_committed() or run.is_made()):
                # The work of two runs with clusters is never the same.
                groups.setdefault((run.plan.judging_key, run.run_key if run.clusters_key else ""), []).append(place)
        for places in groups.values():
            after_lines = self._judges[places[0]][0]
            finish_together(
                [runs[place] for place in places], after_lines, [self._judges[place][1] for place in places]
            )
        self._identifiers.forget()
        return [run.commit() for run in runs]


class FileOfRun:
    """One WET file in the run of one plan. clusters_key: empty if near-duplicates are not dropped.

    A file that another run made from the same cleaned pages with the same losses is reused. After a takedown these are
    nearly all files.
    """

    def __init__(self, plan: Plan, losses: Losses, run_key: str, clusters_key: str) -> None:
        self.plan, self.run_key, self.clusters_key = plan, run_key, clusters_key
        self._losses, self._file = losses, losses.of_file
        self._committed: dict | None = None
        self._made: dict | None = None
        self._is_new = False

    @cached_property
    def lost(self):
        """What the file's pages lost."""
        return lost_of(self._losses, self.plan)

    @cached_property
    def _distinct(self) -> DistinctPages | None:
        """The judged pages without the dropped near-duplicates; None if near-duplicates are not dropped."""
        return DistinctPages(self.plan, self._file, self.lost, self.clusters_key) if self.clusters_key else None

    @property
    def key(self) -> str:
        """A digest of the finished pages."""
        return self._distinct.key if self._distinct is not None else self.lost.key

    def judged(self, after_lines: Judges) -> FileJudging | DistinctPages:
        """The pages to finish. after_lines: the judges of `chain.AFTER_LINES`."""
        return self._distinct or FileJudging(self.plan, self._file, self.lost, after_lines)

    def is_committed(self) -> bool:
        """Whether this run has finished the file before."""
        record = read_record(self._record_path, self.run_key)
        is_noted = not self.clusters_key or are_noted(self.plan, self._file, self.clusters_key)
        if record is not None and is_noted and _are_whole(self.plan, self._file, record["key"]):
            self._committed = record
        return self._committed is not None

    def is_made(self) -> bool:
        """Whether another run has made the same finished pages."""
        record = read_record(self.path(".json"), self.key)
        if record is not None and _are_whole(self.plan, self._file, self.key):
            self._made = record
        return self._made is not None

    def make(self, finished: FinishedFile, judged: FileJudging | DistinctPages, seconds: float) -> None:
        """Write the keys and the record of pages that were just written. seconds: of CPU time."""
        finished.keys.write(self.plan, self._file.stem, self.key)
        self._made, self._is_new = finished.record(judged, seconds), True
        write_record(self.path(".json"), self.key, self._made)

    def commit(self) -> Finished:
        """Write the record of the file in this run, if this run has none yet."""
        if self._committed is None:
            assert self._made is not None, "it was found or made before"
            if self._distinct is not None:
                self._distinct.note_members()
            record = {name: self._made[name] for name in ("batches", "rows", "summary")} | {"key": self.key}
            if EXCLUDED_ASSET not in self.plan.settings.assets:
                _forget_stage(record["summary"], chain.EXCLUDED_URLS.name)
            write_record(self._record_path, self.run_key, record)
        return Finished(tuple(self._file), self.run_key, self._is_new)

    def path(self, ending: str) -> str:
        """The path of a file with the finished pages, or about them."""
        return self.plan.finished(self._file.stem, self.key, ending)

    @property
    def _record_path(self) -> str:
        return self.plan.later(self.run_key, "finished", f"{self._file.stem}.json")


def finish_together(runs: Sequence[FileOfRun], after_lines: Judges, last: Sequence[Judges]) -> None:
    """Judge a file up to its pages' language once, for plans that agree up to there; then finish it for each of them.

    after_lines: the judges of `chain.AFTER_LINES`. last: for each plan, those of `chain.AFTER_NEAR_DUPLICATES`.
    """
    started = time.thread_time()
    judged = runs[0].judged(after_lines)
    with ExitStack() as stack:
        finished = [
            stack.enter_context(FinishedFile.opened(run.plan, judges, run.path(".arrow")))
            for run, judges in zip(runs, last, strict=True)
        ]
        for pages in judged.batches():
            for target in finished:
                target.add(pages)
    seconds = (time.thread_time() - started) / len(runs)
    for run, target in zip(runs, finished, strict=True):
        run.make(target, judged, seconds)


def _are_whole(plan: Plan, file: File, key: str) -> bool:
    """Whether the finished pages of a file and their keys have the bytes that were written."""
    return is_whole(plan.finished(file.stem, key, ".arrow")) and are_whole(plan, file.stem, key)


def _forget_stage(summary: dict, stage: str) -> None:
    """Remove a stage from a summary, because the summary may come from a run with this stage, and this run has none."""
    for counts in (summary["counters"], summary["volumes"]):
        for name in [name for name in counts if name.partition("/")[0] == stage]:
            del counts[name]
