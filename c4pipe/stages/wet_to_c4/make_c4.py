"""The pipeline graph of wet_to_c4. Text stays in the work folder; only keys and counts travel between workers."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import apache_beam as beam

from c4pipe.corpus.chain import LINE_COPIES, NEAR_DUPLICATES
from c4pipe.corpus_run.keys import KINDS, NUM_KEY_PARTS
from c4pipe.corpus_run.plan import Plan
from c4pipe.corpus_run.results import WrittenKeys
from c4pipe.report.summary import Summary
from c4pipe.shards import files
from c4pipe.shards.work.key_files import read_parts
from c4pipe.stages.merge_summaries import MergeSummaries
from c4pipe.stages.near_duplicates.cluster_pages import ClusterPages
from c4pipe.stages.wet_to_c4.clean_files import CleanFiles
from c4pipe.stages.wet_to_c4.finish_files import FinishFiles
from c4pipe.stages.wet_to_c4.judge_files import JudgeFiles
from c4pipe.stages.wet_to_c4.pack_lines import EmitLineKeys, WriteLineKeys
from c4pipe.stages.wet_to_c4.pick_losers import (
    Losses,
    PickLosersThroughFiles,
    PickLosersThroughShuffle,
    keys_path,
    slices,
)
from c4pipe.stages.wet_to_c4.read_inputs import ReadInputs
from c4pipe.stages.wet_to_c4.write_keys import WriteKeys
from c4pipe.stages.wet_to_c4.write_shards import WriteShards


class MakeC4(beam.PTransform):
    """Pipeline -> one element, the path of a file with the result: all counts, and the shards that were written.

    If more than the allowed share of records was quarantined, everything after cleaning is skipped.
    """

    def __init__(self, plan: Plan, result_path: str) -> None:
        super().__init__()
        self._plan, self._result_path = plan, result_path

    def expand(self, pipeline):
        plan = self._plan
        wet_files = pipeline | "Read inputs" >> ReadInputs(plan.inputs)
        cleaned = wet_files | "Clean files" >> CleanFiles(plan)
        all_cleaned = cleaned | "All cleaned" >> MergeSummaries(plan.samples_per_rule)
        run_key = all_cleaned | "Decide" >> beam.Map(_decide, plan)
        losses = wet_files | "Go on" >> beam.FlatMap(_go_on, beam.pvalue.AsSingleton(run_key))
        pick = _through_files if plan.through_files else _through_shuffle
        losses = pick(losses, cleaned, plan, run_key)
        clusters_key = _find_clusters(losses, plan, run_key)
        all_finished = (
            losses
            | "Finish files" >> FinishFiles(plan, run_key, clusters_key)
            | "All finished" >> MergeSummaries(plan.samples_per_rule)
        )
        shards = (
            all_finished
            | "Write shards" >> WriteShards(plan, run_key)
            | "All shards" >> beam.combiners.ToList()
        )  # fmt: skip
        later = {"run_key": run_key, "all_finished": all_finished, "shards": shards}
        if clusters_key is not None:
            later["clusters_key"] = clusters_key
        if plan.kinds_of_keys:
            keys = (losses, all_finished) | "Write keys" >> WriteKeys(plan, run_key)
            later["keys"] = keys | "All keys" >> beam.combiners.ToList()
        side_inputs = {name: beam.pvalue.AsSingleton(found) for name, found in later.items()}
        return all_cleaned | "Leave result" >> beam.Map(_leave_result, self._result_path, **side_inputs)


def _decide(all_cleaned: str, plan: Plan) -> str:
    """The name of this run's work after cleaning; empty if too many records were quarantined to continue."""
    summary = Summary.from_json(json.loads(all_cleaned))
    num_quarantined = sum(file.num_quarantined for file in summary.inputs)
    if num_quarantined > plan.max_quarantined_fraction * summary.totals["records"]:
        return ""
    return plan.run_key(summary.digest)


def _go_on(file, run_key: str):
    return [Losses(file)] if run_key else []


def _through_files(losses, cleaned, plan: Plan, run_key):
    counts = cleaned | "URL keys per file" >> beam.Map(lambda summary: json.loads(summary)["totals"]["rows"])
    losses = (counts, losses) | "Deduplicate URLs" >> PickLosersThroughFiles(plan, "urls", run_key)
    if not LINE_COPIES.when(plan.variant):
        return losses
    counts = losses | "Write line keys" >> beam.ParDo(WriteLineKeys(plan), beam.pvalue.AsSingleton(run_key))
    return (counts, losses) | "Deduplicate lines" >> PickLosersThroughFiles(plan, "lines", run_key)


def _through_shuffle(losses, cleaned, plan: Plan, run_key):
    keys = losses | "Emit URL keys" >> beam.FlatMap(_emit_url_keys, plan)
    losses = (keys, losses) | "Deduplicate URLs" >> PickLosersThroughShuffle(plan, "urls")
    if not LINE_COPIES.when(plan.variant):
        return losses
    keys = losses | "Emit line keys" >> beam.ParDo(EmitLineKeys(plan))
    return (keys, losses) | "Deduplicate lines" >> PickLosersThroughShuffle(plan, "lines")


def _find_clusters(losses, plan: Plan, run_key):
    """One element, which names the clusters of near-equal pages; None if the run does not look for any."""
    if not NEAR_DUPLICATES.when(plan.variant):
        return None
    signed = losses | "Judge files" >> JudgeFiles(plan, run_key)
    return signed | "Find near-duplicates" >> ClusterPages(plan.clustering, plan.finishing_key)


def _emit_url_keys(losses: Losses, plan: Plan):
    file = losses.of_file
    keys = read_parts(keys_path(plan, "urls", file.stem, ""), 0, NUM_KEY_PARTS, KINDS["urls"].dtype).copy()
    keys["file"] = file.number
    return slices(keys, "urls", plan.shuffle_bits)


def _leave_result(
    all_cleaned: str,
    path: str,
    run_key: str,
    all_finished: str,
    shards: list,
    clusters_key: str = "",
    keys: Sequence[WrittenKeys] = (),
) -> str:
    result = {
        "run_key": run_key,
        "clusters_key": clusters_key,
        "cleaned": json.loads(all_cleaned),
        "finished": json.loads(all_finished),
        "shards": [asdict(written) for written in sorted(shards)],
        "keys": [asdict(written) for written in sorted(keys)],
    }
    files.write_bytes(path, json.dumps(result).encode())
    return path
