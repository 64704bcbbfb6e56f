"""datatrove 0.10.1: its four MinHash stages over a folder of JSON lines, one after the other in this process.

    python benchmarks/near_duplicates/datatrove_stages.py FOLDER

Needs `pip install 'datatrove[io,processing]==0.10.1' spacy`. Prints a line of JSON: CPU seconds per stage, bytes of
signatures, peak memory, and the URLs of the pages that stay.
"""

import gzip
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    try:
        from datatrove.executor import LocalPipelineExecutor
        from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter
        from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
        from datatrove.pipeline.readers import JsonlReader
        from datatrove.pipeline.writers import JsonlWriter
        from datatrove.utils.hashing import HashConfig
    except ImportError as error:
        sys.exit(f"datatrove is not installed ({error}); pip install 'datatrove[io,processing]==0.10.1' spacy")
    source = sys.argv[1]
    config = MinhashConfig(hash_config=HashConfig(precision=64))
    with tempfile.TemporaryDirectory() as work:
        os.environ["HF_HOME"] = f"{work}/hub"
        reader = JsonlReader(source, id_key="url")
        stages = {
            "signatures": [reader, MinhashDedupSignature(f"{work}/signatures", config)],
            "buckets": [MinhashDedupBuckets(f"{work}/signatures", f"{work}/buckets", config=config)],
            "clusters": [MinhashDedupCluster(f"{work}/buckets", f"{work}/remove", config=config)],
            "filter": [reader, MinhashDedupFilter(f"{work}/remove"), JsonlWriter(f"{work}/out")],
        }
        seconds = {}
        for name, steps in stages.items():
            # Buckets have a task per band. All other stages have a single task, so that the order of pages is kept.
            tasks = config.num_buckets if name == "buckets" else 1
            started = time.process_time()
            LocalPipelineExecutor(steps, logging_dir=f"{work}/log/{name}", tasks=tasks, workers=1).run()
            seconds[name] = time.process_time() - started
        num_bytes = sum(path.stat().st_size for path in Path(work, "signatures").rglob("*.sig"))
        written = [gzip.decompress(path.read_bytes()) for path in Path(work, "out").glob("*.gz")]
        kept = [json.loads(line)["id"] for content in written for line in content.splitlines()]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        json.dumps(
            {"stages": seconds, "seconds": sum(seconds.values()), "bytes": num_bytes, "peak": peak, "kept": kept}
        )
    )


if __name__ == "__main__":
    main()
