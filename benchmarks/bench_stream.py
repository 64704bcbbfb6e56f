"""The example stream, mosaicml streaming (MDS, zstd 3) and torch's DataLoader over Hugging Face datasets.

    python benchmarks/bench_stream.py [--num_examples=160000] [--work_dir=DIR] [--systems=c4pipe,mosaicml,datasets]

All systems have the same examples (512 + 114 ids of 16 bits) and the same task: shuffled batches of 128 as torch
tensors, in one process. Each system runs in a new process, and imports are not timed. A peer that is not installed is
left out with a notice (`pip install --no-deps mosaicml-streaming`, `pip install datasets`).

examples/s per core: examples divided by the CPU seconds of the whole process, for at least one pass and 8 s.
cold start: from opening the folder to the first batch. resume: the same in the middle of an epoch, in a new process.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import synthetic_examples as made

BATCH = 128
LEAST_SECONDS = 8.0  # long enough that examples which are unpacked ahead at the end have little effect
RAW_TOKENS = made.TOKENS_LENGTH


def write_c4pipe(folder: Path, num_examples: int) -> None:
    made.write_examples(folder, 16, num_examples // 16)


def open_c4pipe(folder: Path, position: int) -> Iterator[int]:
    import torch

    from c4pipe.shards.stream.stream import Source, open_stream

    stream = open_stream([Source(str(folder))], seed=0, batch_size=BATCH, num_threads=1)
    for batch in stream.batches(position):
        inputs, targets = torch.from_numpy(batch.inputs), torch.from_numpy(batch.targets)
        assert len(targets) == BATCH
        yield len(inputs)


def write_mosaicml(folder: Path, num_examples: int) -> None:
    from streaming import MDSWriter

    columns = {"inputs": f"ndarray:uint16:{made.INPUTS_LENGTH}", "targets": f"ndarray:uint16:{made.TARGETS_LENGTH}"}
    with MDSWriter(out=str(folder), columns=columns, compression="zstd:3") as writer:
        for part in range(16):
            for inputs, targets in zip(*made.examples(num_examples // 16, seed=part), strict=True):
                writer.write({"inputs": inputs, "targets": targets})


def open_mosaicml(folder: Path, position: int) -> Iterator[int]:
    from streaming import StreamingDataLoader, StreamingDataset

    data = StreamingDataset(local=str(folder), shuffle=True, shuffle_seed=0, batch_size=BATCH, num_canonical_nodes=1)
    loader = StreamingDataLoader(data, batch_size=BATCH, num_workers=0)
    if position:
        loader.load_state_dict(
            {
                "sample_in_epoch": position,
                "num_canonical_nodes": 1,
                "shuffle_seed": 0,
                "epoch": 0,
                "initial_physical_nodes": 1,
            }
        )
    while True:
        for batch in loader:
            yield len(batch["inputs"])


def write_datasets(folder: Path, num_examples: int) -> None:
    import datasets
    import numpy as np

    parts = [made.examples(num_examples // 16, seed=part) for part in range(16)]
    columns = {"inputs": np.concatenate([p[0] for p in parts]), "targets": np.concatenate([p[1] for p in parts])}
    datasets.Dataset.from_dict(columns).save_to_disk(str(folder))


def open_datasets(folder: Path, position: int) -> Iterator[int]:
    import datasets
    import torch

    data = datasets.load_from_disk(str(folder)).with_format("torch")
    while True:
        shuffle = torch.Generator().manual_seed(0)
        loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True, generator=shuffle)
        # A plain DataLoader cannot start in the middle, so the batches before are read and discarded.
        for batch in islice(loader, position // BATCH, None):
            yield len(batch["inputs"])
        position = 0


System = tuple[Callable[[Path, int], None], Callable[[Path, int], Iterator[int]]]
SYSTEMS: dict[str, System] = {
    "c4pipe": (write_c4pipe, open_c4pipe),
    "mosaicml": (write_mosaicml, open_mosaicml),
    "datasets": (write_datasets, open_datasets),
}
IMPORTS = {"c4pipe": "c4pipe.shards.stream.stream", "mosaicml": "streaming", "datasets": "datasets"}


def measure(system: str, folder: Path, num_examples: int, position: int) -> dict[str, float]:
    """Measure passes over the examples; from a position, only the first batch. Runs in a separate process."""
    __import__(IMPORTS[system])
    import torch

    torch.set_num_threads(1)
    before = _memory()
    began, cpu = time.perf_counter(), time.process_time()
    batches = SYSTEMS[system][1](folder, position)
    next(batches)
    first = time.perf_counter() - began
    if position:
        return {"first_seconds": first}
    count, most = BATCH, before
    while count < num_examples or time.perf_counter() - began < LEAST_SECONDS:
        count += next(batches)
        if count % (64 * BATCH) == 0:
            most = max(most, _memory())
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {"first_seconds": first, "wall": count / wall, "core": count / cpu, "megabytes": (most - before) / 1e6}


def _memory() -> int:
    """Bytes of this process' own memory, without mapped files."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) * 1024


def _in_a_process(system: str, folder: Path, num_examples: int, position: int) -> dict[str, float]:
    command = [sys.executable, __file__, f"--measure={system}", f"--work_dir={folder}"]
    command += [f"--num_examples={num_examples}", f"--position={position}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{system} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _fresh(system: str, folder: Path) -> Path:
    """A folder without unpacked shards, for a cold start: mosaicml writes those next to the packed ones."""
    if system != "mosaicml":
        return folder
    copy = folder.with_name(folder.name + "-fresh")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    return copy


def compare(systems: list[str], work_dir: Path, num_examples: int) -> None:
    head = (
        "",
        "examples/s per core",
        "examples/s",
        "raw tokens/s per core",
        "bytes per example",
        "cold start",
        "resume",
        "MB",
    )
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    ours = 0.0
    for system in systems:
        folder = work_dir / f"{system}-{num_examples}"
        try:
            __import__(IMPORTS[system])
        except ImportError as error:
            print(f"notice: {system} is not installed and was left out ({error})", file=sys.stderr)
            continue
        if not folder.exists():
            SYSTEMS[system][0](folder, num_examples)
        packed = made.folder_bytes(folder)
        whole = _in_a_process(system, _fresh(system, folder), num_examples, 0)
        resumed = _in_a_process(system, _fresh(system, folder), num_examples, num_examples // 2 // BATCH * BATCH)
        ours = ours or whole["core"]
        row = (
            system,
            f"{whole['core']:,.0f}" + (f" (1/{ours / whole['core']:.1f})" if whole["core"] != ours else ""),
            f"{whole['wall']:,.0f}",
            f"{whole['core'] * RAW_TOKENS / 1e6:,.1f} M",
            f"{packed / num_examples:,.0f}",
            f"{whole['first_seconds']:.2f} s",
            f"{resumed['first_seconds']:.2f} s",
            f"{whole['megabytes']:,.0f}",
        )
        print("| " + " | ".join(row) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num_examples", type=int, default=160_000)
    parser.add_argument("--work_dir", type=Path, help="keeps the data for the next run; a temporary folder otherwise")
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--measure", choices=SYSTEMS, help=argparse.SUPPRESS)
    parser.add_argument("--position", type=int, default=0, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.measure:
        print(json.dumps(measure(flags.measure, flags.work_dir, flags.num_examples, flags.position)))
        return
    with tempfile.TemporaryDirectory(prefix="bench_stream_") as temporary:
        compare(flags.systems.split(","), flags.work_dir or Path(temporary), flags.num_examples // 16 * 16)


if __name__ == "__main__":
    main()
