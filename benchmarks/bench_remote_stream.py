"""The example stream from slow object storage: first batch, resume, and eight readers that must not wait.

    python benchmarks/bench_remote_stream.py [--delay_seconds=0.05] [--seconds=60] [--work_dir=DIR]

A local server answers every request after a delay, like object storage. Each measurement uses new processes:

    cold start   from opening the folder to the first batch, with an empty cache
    resume       the same in the middle of an epoch, also with an empty cache
    readers      eight ranks share a cache; each reads 1,163 examples/s (T5-base at half of an H200's bf16 peak)

`waiting` is the share of its time that the slowest reader spent in `next(batches)`, without its first batch.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import slow_server
import synthetic_examples as made

NUM_READERS = 8
RANK_BATCH = 128
EXAMPLES_PER_SECOND = 1_163


def read(url: str, cache_dir: str, rank: int, num_ranks: int, position: int, seconds: float) -> dict[str, float]:
    """A reader, which runs in a separate process. Each step takes as long as on a GPU."""
    from c4pipe.shards.stream.stream import Source, open_stream

    began = time.perf_counter()
    stream = open_stream(
        [Source(url)],
        seed=0,
        batch_size=RANK_BATCH * num_ranks,
        rank=rank,
        world_size=num_ranks,
        num_threads=1,
        cache_dir=cache_dir,
    )
    batches = stream.batches(position)
    next(batches)
    first = time.perf_counter() - began
    waits: list[float] = []
    paced = time.perf_counter()
    cpu = time.process_time()
    while time.perf_counter() - paced < seconds:
        asked = time.perf_counter()
        next(batches)
        now = time.perf_counter()
        waits.append(now - asked)
        time.sleep(max(0.0, RANK_BATCH / EXAMPLES_PER_SECOND - (now - asked)))
    total = time.perf_counter() - paced
    return {
        "first": first,
        "waiting": sum(waits) / total if waits else 0.0,
        "longest": max(waits, default=0.0),
        "rate": len(waits) * RANK_BATCH / total if waits else 0.0,
        "cores": (time.process_time() - cpu) / total if waits else 0.0,
    }


def start(url: str, cache_dir: Path, rank: int, num_ranks: int, position: int, seconds: float) -> subprocess.Popen:
    arguments = [url, str(cache_dir), rank, num_ranks, position, seconds]
    command = [sys.executable, __file__, "--read", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> dict[str, float]:
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"a reader failed with status {process.returncode}")
    return json.loads(out.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay_seconds", type=float, default=0.05)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--num_shards", type=int, default=48)
    parser.add_argument("--rows", type=int, default=12_000, help="examples per shard: 12.5 MB each at 12,000")
    parser.add_argument("--work_dir", type=Path, help="keeps the data for the next run; a temporary folder otherwise")
    parser.add_argument("--read", nargs=6, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.read:
        url, cache_dir, *numbers = flags.read
        rank, num_ranks, position = (int(number) for number in numbers[:3])
        print(json.dumps(read(url, cache_dir, rank, num_ranks, position, float(numbers[3]))))
        return
    with tempfile.TemporaryDirectory(prefix="bench_remote_") as temporary:
        folder = (flags.work_dir or Path(temporary)) / f"remote-{flags.num_shards}-{flags.rows}"
        made.write_examples(folder, flags.num_shards, flags.rows)
        measure(flags, folder, Path(temporary))


def measure(flags: argparse.Namespace, folder: Path, caches: Path) -> None:
    num_examples = flags.num_shards * flags.rows
    command = [sys.executable, str(Path(slow_server.__file__)), str(folder), f"--delay_seconds={flags.delay_seconds}"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        cold = finish(start(url, caches / "cold", 0, 1, 0, 0))
        resumed = finish(start(url, caches / "resumed", 0, 1, num_examples // 2 // RANK_BATCH * RANK_BATCH, 0))
        readers = [start(url, caches / "shared", rank, NUM_READERS, 0, flags.seconds) for rank in range(NUM_READERS)]
        results = [finish(reader) for reader in readers]
    finally:
        server.terminate()
        server.wait()
    megabytes = made.folder_bytes(folder) / 1e6
    print(f"| {megabytes:,.0f} MB in {flags.num_shards} shards, {flags.delay_seconds * 1e3:.0f} ms per request | |")
    print("|---|---|")
    print(f"| cold start to the first batch | {cold['first']:.2f} s |")
    print(f"| resume in the middle of an epoch, empty cache | {resumed['first']:.2f} s |")
    print(f"| eight readers together: slowest first batch | {max(result['first'] for result in results):.2f} s |")
    print(f"| examples/s per reader, least | {min(result['rate'] for result in results):,.0f} |")
    print(f"| waiting, slowest reader | {max(result['waiting'] for result in results):.3%} |")
    print(f"| longest wait of all | {max(result['longest'] for result in results) * 1e3:.1f} ms |")
    print(f"| cores, all readers together | {sum(result['cores'] for result in results):.2f} |")


if __name__ == "__main__":
    main()
