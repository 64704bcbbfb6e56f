"""Pairs of all buckets -> for each shard, which of its pages lie in a cluster and which page of it stays.

This is the one step that sees the corpus as a whole: 4 bytes per page for the forest, and some 40 per page that is near
to another.
"""

import json

import numpy as np

from c4pipe.near_duplicates.clusters import Clusters
from c4pipe.near_duplicates.forest import Forest
from c4pipe.near_duplicates.winners import pick_winners
from c4pipe.near_duplicates_run.plan import Corpus, Plan, TextShard
from c4pipe.shards import files
from c4pipe.shards.work.key_files import read_parts, write_key_file
from c4pipe.stages.near_duplicates.match_pages import PAIR
from c4pipe.stages.near_duplicates.sign_pages import PRIORITY

# A page of a cluster: its row, and the number of the page that stays (itself, or one that it is near to).
MEMBER = np.dtype([("row", "<u4"), ("winner", "<u8")])
SUMMARY = "clusters.json"
NUM_LARGEST, NUM_DRAWN = 10, 20


def find_clusters(bucket_names: list[str], plan: Plan, shards: list[TextShard], corpus: Corpus) -> str:
    """Write the members of each shard, and a summary; returns the run key.

    bucket_names: of the files of pairs.
    """
    run_key, first_pages, _ = corpus
    if files.exists(plan.later(run_key, "clusters", SUMMARY)):
        return run_key
    clusters = _clusters(bucket_names, plan, shards, run_key, first_pages)
    for shard in shards:
        start, end = np.searchsorted(clusters.pages, [first_pages[shard.number], first_pages[shard.number + 1]])
        members = np.empty(end - start, MEMBER)
        members["row"] = clusters.pages[start:end] - np.uint64(first_pages[shard.number])
        members["winner"] = clusters.winners[start:end]
        path = plan.later(run_key, "clusters", f"{shard.number:05d}.members")
        write_key_file(path, members, np.zeros(len(members), np.int64), 1, MEMBER)
    summary = _summary(clusters, first_pages[-1])
    files.write_bytes(plan.later(run_key, "clusters", SUMMARY), json.dumps(summary).encode())
    return run_key


def _clusters(
    bucket_names: list[str], plan: Plan, shards: list[TextShard], run_key: str, first_pages: list[int]
) -> Clusters:
    forest = Forest(first_pages[-1])
    for name in sorted(bucket_names):
        pairs = read_parts(plan.later(run_key, "pairs", name), 0, 1, PAIR)
        forest.join(pairs["left"].astype(np.int64), pairs["right"].astype(np.int64))
    pages = forest.clustered().astype(np.uint64)
    roots = forest.roots(pages.astype(np.int64)).astype(np.uint64)
    priorities = np.zeros(len(pages), np.uint64)
    for shard in shards:
        start, end = np.searchsorted(pages, [first_pages[shard.number], first_pages[shard.number + 1]])
        if end > start:
            of_shard = read_parts(plan.signed(shard, ".priorities"), 0, 1, PRIORITY)
            rows = (pages[start:end] - np.uint64(first_pages[shard.number])).astype(np.int64)
            priorities[start:end] = of_shard[rows]
    return Clusters(pages, roots, pick_winners(pages, roots, priorities))


def _summary(clusters: Clusters, num_pages: int) -> dict:
    winners, sizes = clusters.sizes()
    return {
        "pages": num_pages,
        "clusters": len(winners),
        "in_clusters": len(clusters.pages),
        "dropped": clusters.num_dropped,
        "sizes": sorted(clusters.histogram().items()),
        "largest": list(zip(winners[:NUM_LARGEST].tolist(), sizes[:NUM_LARGEST].tolist(), strict=True)),
        "drawn": clusters.drawn_pairs(NUM_DRAWN),
    }
