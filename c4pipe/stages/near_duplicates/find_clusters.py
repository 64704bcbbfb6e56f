"""Finds clusters from the pairs of all buckets, and writes, per file, its pages in clusters with their winners.

This is the only step for the whole corpus at once. It needs 4 bytes per page for the forest, and about 40 bytes per
page in a cluster.
"""

import json
from typing import Any

import numpy as np

from c4pipe.near_duplicates.clusters import Clusters
from c4pipe.near_duplicates.forest import Forest
from c4pipe.near_duplicates.winners import pick_winners
from c4pipe.near_duplicates_run.clustering import PRIORITIES, Clustering, NumberedFile
from c4pipe.shards import files
from c4pipe.shards.work.key_files import is_whole, read_parts, write_key_file
from c4pipe.stages.near_duplicates.match_pages import PAIR
from c4pipe.stages.near_duplicates.sign_pages import PRIORITY

# A page of a cluster: its row, and the number of the cluster's winner.
MEMBER = np.dtype([("row", "<u4"), ("winner", "<u8")])
NUM_LARGEST, NUM_DRAWN = 10, 20


def find_clusters(bucket_names: list[str], clustering: Clustering, run_key: str) -> str:
    """Write the members of each file, and a summary. Returns the run key.

    bucket_names: the names of the files of pairs.
    """
    numbered = clustering.numbered_files(run_key)
    if files.exists(clustering.summary(run_key)) and all(
        is_whole(clustering.members(run_key, file.number), MEMBER) for file in numbered
    ):
        return run_key
    clusters = _clusters(bucket_names, clustering, numbered, run_key)
    for file in numbered:
        start, end = np.searchsorted(clusters.pages, [file.first_page, file.end_page])
        members = np.empty(end - start, MEMBER)
        members["row"] = clusters.pages[start:end] - np.uint64(file.first_page)
        members["winner"] = clusters.winners[start:end]
        path = clustering.members(run_key, file.number)
        write_key_file(path, members, np.zeros(len(members), np.int64), 1, MEMBER)
    summary = _summary(clusters, _num_pages(numbered))
    files.write_bytes(clustering.summary(run_key), json.dumps(summary).encode())
    return run_key


def read_winners(clustering: Clustering, run_key: str, number: int) -> dict[int, int]:
    """Row in the file -> number of the winner, for each page of a file that is in a cluster."""
    members = read_parts(clustering.members(run_key, number), 0, 1, MEMBER)
    return dict(zip(members["row"].tolist(), members["winner"].tolist(), strict=True))


def pages_to_show(summary: dict[str, Any]) -> set[int]:
    """The numbers of the pages whose text the report shows."""
    return {page for page, _ in summary["largest"]} | {page for pair in summary["drawn"] for page in pair}


def _num_pages(numbered: list[NumberedFile]) -> int:
    return numbered[-1].end_page if numbered else 0


def _clusters(bucket_names: list[str], clustering: Clustering, numbered: list[NumberedFile], run_key: str) -> Clusters:
    forest = Forest(_num_pages(numbered))
    for name in sorted(bucket_names):
        pairs = read_parts(clustering.pairs(run_key, name), 0, 1, PAIR)
        forest.join(pairs["left"].astype(np.int64), pairs["right"].astype(np.int64))
    pages = forest.clustered().astype(np.uint64)
    roots = forest.roots(pages.astype(np.int64)).astype(np.uint64)
    priorities = np.zeros(len(pages), np.uint64)
    for file in numbered:
        start, end = np.searchsorted(pages, [file.first_page, file.end_page])
        if end > start:
            of_file = read_parts(file.path + PRIORITIES, 0, 1, PRIORITY)
            priorities[start:end] = of_file[(pages[start:end] - np.uint64(file.first_page)).astype(np.int64)]
    return Clusters(pages, roots, pick_winners(pages, roots, priorities))


def _summary(clusters: Clusters, num_pages: int) -> dict[str, Any]:
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
