"""The pipeline graph of wet_to_c4. Text stays in the work folder; only keys and counts travel between workers."""

import json
from collections.abc import Callable, Sequence, Sized
from functools import partial
from typing import Any

import numpy as np

from c4pipe.corpus.chain import LINE_COPIES, NEAR_DUPLICATES
from c4pipe.corpus_run.keys import KINDS, NUM_KEY_PARTS
from c4pipe.corpus_run.plan import File, Plan
from c4pipe.report.summary import Summary
from c4pipe.shards import files
from c4pipe.shards.work.key_files import read_parts
from c4pipe.stages.engine import beam
from c4pipe.stages.gather import Gather, chained, read_gathered
from c4pipe.stages.merge_summaries import MergeSummaries, read_summary
from c4pipe.stages.near_duplicates.cluster_pages import ClusterPages
from c4pipe.stages.wet_to_c4 import cleaned_file, finished_file
from c4pipe.stages.wet_to_c4.clean_files import CleanFiles
from c4pipe.stages.wet_to_c4.finish_files import Branch, FinishFiles
from c4pipe.stages.wet_to_c4.judge_files import JudgeFiles
from c4pipe.stages.wet_to_c4.pack_lines import WriteLineKeys, line_keys_of
from c4pipe.stages.wet_to_c4.pick_losers import (
    EmitKeys,
    Losses,
    PickLosersThroughFiles,
    PickLosersThroughShuffle,
    keys_path,
)
from c4pipe.stages.wet_to_c4.read_inputs import ReadInputs
from c4pipe.stages.wet_to_c4.write_keys import WriteKeys
from c4pipe.stages.wet_to_c4.write_shards import WriteShards


class MakeC4(beam.PTransform):
    """Pipeline -> for each plan one element, the path of a file with its result: all counts, and the written shards.

    plans: of corpora from the same WET files, with the same work folder. Each file is read once for all of them. Plans
    with the same `cleaning_key` share their cleaned pages, and plans with the same `contest_key` their losers. If more
    than the allowed share of records was quarantined, everything after cleaning is skipped.
    """

    def __init__(self, plans: Sequence[Plan], result_paths: Sequence[str]) -> None:
        super().__init__()
        self._plans, self._result_paths = plans, result_paths

    def expand(self, pipeline):
        plans = self._plans
        wet_files = pipeline | "Read inputs" >> ReadInputs(plans[0].inputs)
        cleaned = wet_files | "Clean files" >> CleanFiles(_distinct(plans, "cleaning_key"))
        all_cleaned = {
            plan.cleaning_key: cleaned[plan.cleaning_key]
            | _label("All cleaned", plan.cleaning_key, cleaned)
            >> _Merge("cleaned", plan, partial(cleaned_file.summary_of, plan))
            for plan in _distinct(plans, "cleaning_key")
        }
        of_contests = _distinct(plans, "contest_key")
        losses = [
            wet_files
            | _label("Pick losers", str(number), of_contests)
            >> _PickLosers(plan, cleaned[plan.cleaning_key], all_cleaned[plan.cleaning_key])
            for number, plan in enumerate(of_contests)
        ]
        numbers = {plan.contest_key: number for number, plan in enumerate(of_contests)}
        branches = [
            _branch(plan, numbers[plan.contest_key], losses, all_cleaned[plan.cleaning_key], plans) for plan in plans
        ]
        finished = _of_each_file(losses) | "Finish files" >> FinishFiles(branches)
        return [
            (all_cleaned[branch.plan.cleaning_key], losses[branch.contest], summaries)
            | _label("Write", branch.plan.settings.variant, plans) >> _WriteCorpus(branch, path)
            for branch, summaries, path in zip(branches, finished, self._result_paths, strict=True)
        ]


def _label(step: str, name: str, all_of_them: Sized) -> str:
    """A step's name in the graph. name: tells it from the same steps for other plans, if there are any."""
    return f"{step} of {name}" if len(all_of_them) > 1 else step


def _distinct(plans: Sequence[Plan], key: str) -> list[Plan]:
    """The first plan with each value of a key."""
    return list({getattr(plan, key): plan for plan in reversed(plans)}.values())[::-1]


def _branch(plan: Plan, contest: int, losses: Sequence, all_cleaned, plans: Sequence[Plan]) -> Branch:
    """The branch of a plan. losses: of each contest."""
    name = plan.settings.variant
    run_key = all_cleaned | _label("Decide", name, plans) >> beam.Map(_decide, plan)
    if not NEAR_DUPLICATES.when(plan.variant):
        return Branch(plan, contest, run_key)
    signed = losses[contest] | _label("Judge files", name, plans) >> beam.ParDo(JudgeFiles(plan))
    clusters = signed | _label("Find near-duplicates", name, plans) >> ClusterPages(plan.clustering, plan.finishing_key)
    return Branch(plan, contest, run_key, clusters)


def _of_each_file(losses: Sequence):
    """A tuple for each file, with its `Losses` in each contest, in order."""
    if len(losses) == 1:
        return losses[0] | "Of each file" >> beam.Map(lambda of_contest: (of_contest,))
    by_file = {
        number: of_contest | f"By file {number}" >> beam.Map(lambda found: (found.of_file.number, found))
        for number, of_contest in enumerate(losses)
    }
    return by_file | beam.CoGroupByKey() | "Of each file" >> beam.FlatMap(_tuples, len(losses))


def _tuples(element, count: int):
    _, joined = element
    return zip(*(joined[number] for number in range(count)), strict=True)


class _Merge(beam.PTransform):
    """`Cleaned` or `Finished` -> the path of their merged summary. read: gives the summary of each."""

    def __init__(self, name: str, plan: Plan, read: Callable[[Any], Summary]) -> None:
        super().__init__()
        self._merge = MergeSummaries(plan.gathered(name), plan.samples_per_rule, read)

    def expand(self, done):
        return done | "Number" >> beam.Map(lambda file: (File(*file.file).number, file)) | "Merge" >> self._merge


class _PickLosers(beam.PTransform):
    """WET files -> `Losses`, of one contest. cleaned, all_cleaned: the summary of each cleaned file, and of all."""

    def __init__(self, plan: Plan, cleaned, all_cleaned) -> None:
        super().__init__()
        self._plan, self._cleaned, self._all_cleaned = plan, cleaned, all_cleaned

    def expand(self, wet_files):
        contest = self._all_cleaned | "Decide" >> beam.Map(_decide_contest, self._plan)
        losses = wet_files | "Go on" >> beam.FlatMap(_go_on, beam.pvalue.AsSingleton(contest))
        pick = _through_files if self._plan.through_files else _through_shuffle
        return pick(losses, self._cleaned, self._plan, contest)


class _WriteCorpus(beam.PTransform):
    """Takes the summary of all cleaned files, the `Losses`, and the summary of each finished file of a branch.

    Writes the shards and keys of the corpus, and the result.
    """

    def __init__(self, branch: Branch, result_path: str) -> None:
        super().__init__()
        self._branch, self._result_path = branch, result_path

    def expand(self, collections):
        all_cleaned, losses, finished = collections
        plan, run_key = self._branch.plan, self._branch.run_key
        merge = _Merge("finished", plan, partial(finished_file.summary_of, plan))
        all_finished = finished | "All finished" >> merge
        shards = (
            all_finished
            | "Write shards" >> WriteShards(plan, run_key)
            | "All shards" >> Gather(plan.gathered("shards"), list, chained)
        )  # fmt: skip
        later = {"run_key": run_key, "all_finished": all_finished, "shards": shards}
        if self._branch.clusters_key is not None:
            later["clusters_key"] = self._branch.clusters_key
        if plan.kinds_of_keys:
            keys = (losses, all_finished) | "Write keys" >> WriteKeys(plan, run_key)
            later["keys"] = keys | "All keys" >> Gather(plan.gathered("keys"), list, chained)
        side_inputs = {name: beam.pvalue.AsSingleton(found) for name, found in later.items()}
        return all_cleaned | "Leave result" >> beam.Map(_leave_result, self._result_path, **side_inputs)


def _decide(all_cleaned: str, plan: Plan) -> str:
    """The name of this run's work after cleaning; empty if too many records were quarantined to continue."""
    summary = read_summary(all_cleaned)
    return plan.run_key(summary.digest) if _may_continue(summary, plan) else ""


def _decide_contest(all_cleaned: str, plan: Plan) -> str:
    """The name of the contest's work; empty as for `_decide`."""
    summary = read_summary(all_cleaned)
    return plan.contest(summary.digest) if _may_continue(summary, plan) else ""


def _may_continue(summary: Summary, plan: Plan) -> bool:
    num_quarantined = sum(file.num_quarantined for file in summary.inputs)
    return num_quarantined <= plan.max_quarantined_fraction * summary.totals["records"]


def _go_on(file, contest: str):
    return [Losses(file, contest)] if contest else []


def _through_files(losses, cleaned, plan: Plan, contest):
    counts = cleaned | "URL keys per file" >> beam.Map(lambda file: file.num_rows)
    losses = (counts, losses) | "Deduplicate URLs" >> PickLosersThroughFiles(plan, "urls", contest)
    if not LINE_COPIES.when(plan.variant):
        return losses
    counts = losses | "Write line keys" >> beam.ParDo(WriteLineKeys(plan))
    return (counts, losses) | "Deduplicate lines" >> PickLosersThroughFiles(plan, "lines", contest)


def _through_shuffle(losses, cleaned, plan: Plan, contest):
    keys = losses | "Emit URL keys" >> beam.ParDo(EmitKeys(partial(_url_keys, plan), "urls", plan.shuffle_bits))
    losses = (keys, losses) | "Deduplicate URLs" >> PickLosersThroughShuffle(plan, "urls")
    if not LINE_COPIES.when(plan.variant):
        return losses
    keys = losses | "Emit line keys" >> beam.ParDo(EmitKeys(partial(line_keys_of, plan), "lines", plan.shuffle_bits))
    return (keys, losses) | "Deduplicate lines" >> PickLosersThroughShuffle(plan, "lines")


def _url_keys(plan: Plan, losses: Losses) -> np.ndarray:
    file = losses.of_file
    keys = read_parts(keys_path(plan, "urls", file.stem, ""), 0, NUM_KEY_PARTS, KINDS["urls"].dtype).copy()
    keys["file"] = file.number
    return keys


def _leave_result(
    all_cleaned: str,
    path: str,
    run_key: str,
    all_finished: str,
    shards: str,
    clusters_key: str = "",
    keys: str = "",
) -> str:
    """Write the result. all_cleaned, all_finished, shards, keys: paths of what was gathered."""
    result = {
        "run_key": run_key,
        "clusters_key": clusters_key,
        "cleaned": read_gathered(all_cleaned),
        "finished": read_gathered(all_finished),
        "shards": read_gathered(shards),
        "keys": read_gathered(keys) if keys else [],
    }
    files.write_bytes(path, json.dumps(result).encode())
    return path
