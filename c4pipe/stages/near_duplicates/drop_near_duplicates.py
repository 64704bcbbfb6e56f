"""The pipeline graph of drop_near_duplicates. Text is read twice, but only keys and pairs travel."""

import json

from c4pipe.folders.results import run_name
from c4pipe.near_duplicates_run.clustering import Signed
from c4pipe.near_duplicates_run.plan import Plan
from c4pipe.shards import files
from c4pipe.shards.text_shards import TextShard
from c4pipe.stages.engine import beam
from c4pipe.stages.near_duplicates.cluster_pages import ClusterPages
from c4pipe.stages.near_duplicates.sign_pages import SignPages
from c4pipe.stages.near_duplicates.write_kept import write_kept


class DropNearDuplicates(beam.PTransform):
    """Pipeline -> one element, the path of the result: the run key, the number of shards, and their digests."""

    def __init__(self, plan: Plan, shards: list[TextShard]) -> None:
        super().__init__()
        self._plan, self._shards = plan, shards

    def expand(self, pipeline):
        plan = self._plan
        spread = pipeline | "Text shards" >> beam.Create(self._shards) | "Spread" >> beam.Reshuffle()
        signed = spread | "Sign pages" >> beam.ParDo(SignPages(plan))
        clusters = signed | "Cluster pages" >> ClusterPages(plan.clustering, run_name(plan.signing_key, plan.format))
        run_key = beam.pvalue.AsSingleton(clusters)
        written = spread | "Write kept" >> beam.Map(write_kept, plan, run_key)
        all_signed = beam.pvalue.AsSingleton(signed | "All read" >> beam.combiners.ToList())
        all_written = written | "All written" >> beam.combiners.ToList()
        return all_written | "Leave result" >> beam.Map(_leave_result, plan, run_key, all_signed)


def _leave_result(written: list[int], plan: Plan, run_key: str, signed: list[Signed]) -> str:
    digests = [Signed(*file).made_from for file in sorted(signed)]
    result = {"run_key": run_key, "shards": len(written), "sha256": digests}
    files.write_bytes(plan.result, json.dumps(result).encode())
    return plan.result
