"""The pipeline graph of wet_to_c4. Text stays in the work folder; only keys and counts travel between workers."""

import json
from functools import partial

import apache_beam as beam

from c4pipe.corpus.chain import LINE_COPIES, NEAR_DUPLICATES
from c4pipe.corpus_run.keys import KINDS, NUM_KEY_PARTS
from c4pipe.corpus_run.plan import File, Plan
from c4pipe.shards import files
from c4pipe.shards.work.key_files import read_parts
from c4pipe.stages.gather import Gather, chained, read_gathered
from c4pipe.stages.merge_summaries import MergeSummaries, read_summary
from c4pipe.stages.near_duplicates.cluster_pages import ClusterPages
from c4pipe.stages.wet_to_c4 import clean_files, finish_files
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
        all_cleaned = (
            cleaned
            | "Number cleaned" >> beam.Map(_numbered)
            | "All cleaned" >> MergeSummaries(
                plan.gathered("cleaned"), plan.samples_per_rule, partial(clean_files.summary_of, plan)
            )
        )  # fmt: skip
        run_key = all_cleaned | "Decide" >> beam.Map(_decide, plan)
        losses = wet_files | "Go on" >> beam.FlatMap(_go_on, beam.pvalue.AsSingleton(run_key))
        pick = _through_files if plan.through_files else _through_shuffle
        losses = pick(losses, cleaned, plan, run_key)
        clusters_key = _find_clusters(losses, plan)
        all_finished = (
            losses
            | "Finish files" >> FinishFiles(plan, run_key, clusters_key)
            | "Number finished" >> beam.Map(_numbered)
            | "All finished"
            >> MergeSummaries(plan.gathered("finished"), plan.samples_per_rule, partial(finish_files.summary_of, plan))
        )
        shards = (
            all_finished
            | "Write shards" >> WriteShards(plan, run_key)
            | "All shards" >> Gather(plan.gathered("shards"), list, chained)
        )  # fmt: skip
        later = {"run_key": run_key, "all_finished": all_finished, "shards": shards}
        if clusters_key is not None:
            later["clusters_key"] = clusters_key
        if plan.kinds_of_keys:
            keys = (losses, all_finished) | "Write keys" >> WriteKeys(plan, run_key)
            later["keys"] = keys | "All keys" >> Gather(plan.gathered("keys"), list, chained)
        side_inputs = {name: beam.pvalue.AsSingleton(found) for name, found in later.items()}
        return all_cleaned | "Leave result" >> beam.Map(_leave_result, self._result_path, **side_inputs)


def _decide(all_cleaned: str, plan: Plan) -> str:
    """The name of this run's work after cleaning; empty if too many records were quarantined to continue."""
    summary = read_summary(all_cleaned)
    num_quarantined = sum(file.num_quarantined for file in summary.inputs)
    if num_quarantined > plan.max_quarantined_fraction * summary.totals["records"]:
        return ""
    return plan.run_key(summary.digest)


def _go_on(file, run_key: str):
    return [Losses(file, run_key)] if run_key else []


def _numbered(done):
    """A `Cleaned` or `Finished` with the number of its WET file."""
    return File(*done.file).number, done


def _through_files(losses, cleaned, plan: Plan, run_key):
    counts = cleaned | "URL keys per file" >> beam.Map(lambda file: file.num_rows)
    losses = (counts, losses) | "Deduplicate URLs" >> PickLosersThroughFiles(plan, "urls", run_key)
    if not LINE_COPIES.when(plan.variant):
        return losses
    counts = losses | "Write line keys" >> beam.ParDo(WriteLineKeys(plan))
    return (counts, losses) | "Deduplicate lines" >> PickLosersThroughFiles(plan, "lines", run_key)


def _through_shuffle(losses, cleaned, plan: Plan, run_key):
    keys = losses | "Emit URL keys" >> beam.FlatMap(_emit_url_keys, plan)
    losses = (keys, losses) | "Deduplicate URLs" >> PickLosersThroughShuffle(plan, "urls")
    if not LINE_COPIES.when(plan.variant):
        return losses
    keys = losses | "Emit line keys" >> beam.ParDo(EmitLineKeys(plan))
    return (keys, losses) | "Deduplicate lines" >> PickLosersThroughShuffle(plan, "lines")


def _find_clusters(losses, plan: Plan):
    """One element, which names the clusters of near-equal pages; None if the run does not look for any."""
    if not NEAR_DUPLICATES.when(plan.variant):
        return None
    signed = losses | "Judge files" >> JudgeFiles(plan)
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
