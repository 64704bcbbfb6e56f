"""The graph of drop_near_duplicates: text is read twice and never travels, only keys and pairs meet."""

import json

import apache_beam as beam

from c4pipe.folders.results import run_name
from c4pipe.near_duplicates_run.plan import Corpus, Plan, TextShard
from c4pipe.shards import files
from c4pipe.stages.near_duplicates.find_clusters import find_clusters
from c4pipe.stages.near_duplicates.match_pages import MatchPages, bucket_edges
from c4pipe.stages.near_duplicates.sign_pages import SignPages
from c4pipe.stages.near_duplicates.write_kept import WriteKept

Signed = tuple[int, int, int, str]


class DropNearDuplicates(beam.PTransform):
    """Pipeline -> one element, the path of the result: the name of the run's work, and what was read."""

    def __init__(self, plan: Plan, shards: list[TextShard]) -> None:
        super().__init__()
        self._plan, self._shards = plan, shards

    def expand(self, pipeline):
        plan, shards = self._plan, self._shards
        spread = pipeline | "Text shards" >> beam.Create(shards) | "Spread" >> beam.Reshuffle()
        signed = spread | "Sign pages" >> SignPages(plan) | "All signed" >> beam.combiners.ToList()
        corpus = signed | "Number pages" >> beam.Map(number_pages, plan)
        pairs = (
            signed
            | "Lay out buckets" >> beam.FlatMap(_buckets, plan)
            | "Spread buckets" >> beam.Reshuffle()
            | "Match pages" >> MatchPages(plan, shards, corpus)
            | "All matched" >> beam.combiners.ToList()
        )
        run_key = pairs | "Find clusters" >> beam.Map(find_clusters, plan, shards, beam.pvalue.AsSingleton(corpus))
        written = spread | "Write kept" >> WriteKept(plan, corpus, run_key) | "All written" >> beam.combiners.ToList()
        return written | "Leave result" >> beam.Map(
            _leave_result, plan, beam.pvalue.AsSingleton(run_key), beam.pvalue.AsSingleton(signed)
        )


def number_pages(signed: list[Signed], plan: Plan) -> Corpus:
    """The corpus that these shards are together.

    >>> from c4pipe.near_duplicates.signatures import Banding
    >>> plan = Plan("out", "work", Banding(), "json.gz", "", num_shards=2)
    >>> number_pages([(1, 5, 5, "b"), (0, 3, 2, "a")], plan)[1:]
    ([0, 3, 8], ['a', 'b'])
    """
    ordered = sorted(signed)
    first_pages = [0]
    for _, rows, _, _ in ordered:
        first_pages.append(first_pages[-1] + rows)
    digests = [sha256 for *_, sha256 in ordered]
    return Corpus(run_name(plan.signing_key, plan.format, digests), first_pages, digests)


def _buckets(signed: list[Signed], plan: Plan) -> list[tuple[int, int]]:
    return bucket_edges(sum(pages for _, _, pages, _ in signed) * plan.banding.bands, plan)


def _leave_result(written: list[int], plan: Plan, run_key: str, signed: list[Signed]) -> str:
    result = {"run_key": run_key, "shards": len(written), "sha256": [sha256 for *_, sha256 in sorted(signed)]}
    files.write_bytes(plan.result, json.dumps(result).encode())
    return plan.result
