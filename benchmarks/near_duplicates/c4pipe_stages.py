"""Our stages of drop_near_duplicates, one after the other in this process, without Beam.

    python benchmarks/near_duplicates/c4pipe_stages.py FOLDER

Prints a line of JSON: CPU seconds per stage, bytes of keys, peak memory, and the URLs of the pages that stay.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from c4pipe.near_duplicates.signatures import Banding, Signatures
from c4pipe.near_duplicates_run.plan import Plan
from c4pipe.shards import files
from c4pipe.shards.text_shards import TextShard, read_text_shard
from c4pipe.stages.near_duplicates.find_clusters import find_clusters
from c4pipe.stages.near_duplicates.match_pages import bucket_edges, match_bucket
from c4pipe.stages.near_duplicates.sign_pages import sign_shard
from c4pipe.stages.near_duplicates.write_kept import write_kept


def main() -> None:
    paths = sorted(map(str, Path(sys.argv[1]).glob("*.json.gz")))
    shards = [TextShard(path, "train", number, len(paths), number=number) for number, path in enumerate(paths)]
    with tempfile.TemporaryDirectory() as work:
        plan = Plan(f"{work}/out", f"{work}/work", Banding(), "json.gz", "benchmark", len(shards))
        files.make_folder(plan.output)
        clock = _Clock()
        signatures = Signatures(plan.banding)
        signed = [sign_shard(shard, plan, signatures) for shard in shards]
        clock.stop("signatures")
        clustering = plan.clustering
        run_key = clustering.number_pages(signed, plan.signing_key)
        buckets = bucket_edges(sum(file.num_signed for file in signed) * plan.banding.bands, clustering)
        names = [match_bucket(bucket, clustering, run_key) for bucket in buckets]
        clock.stop("buckets")
        find_clusters(names, clustering, run_key)
        clock.stop("clusters")
        for shard in shards:
            write_kept(shard, plan, run_key)
        clock.stop("filter")
        num_bytes = sum(path.stat().st_size for path in Path(plan.work, "signed").iterdir())
        kept = [row["url"] for shard in shards for row in read_text_shard(plan.written(shard), ("url",))]
    total = sum(clock.seconds.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"stages": clock.seconds, "seconds": total, "bytes": num_bytes, "peak": peak, "kept": kept}))


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = time.process_time()

    def stop(self, stage: str) -> None:
        now = time.process_time()
        self.seconds[stage] = now - self._started
        self._started = now


if __name__ == "__main__":
    main()
