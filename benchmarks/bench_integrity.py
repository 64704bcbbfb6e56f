"""The cost of checksums for checkpoints, work files and text shards. Takes about a minute.

    python benchmarks/bench_integrity.py [--weights_mib=256] [--pages=6000]

Checkpoint: a file of weights in the page cache is processed in five ways: read into new memory, read into a buffer,
loaded, hashed, and hashed and loaded (as in every command). The figures are medians of 5 rounds, each of
which runs all five. Times are CPU seconds of the process, on which other load on the machine has little effect.
Work files: the CPU seconds of CRC-32 in `wet_to_c4`, as a share of those of its stages (clean_files and finish_files).
Text shards: the CPU seconds of SHA-256 over a shard, as a share of those for making its examples.
"""

import argparse
import contextlib
import hashlib
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from c4pipe.shards import files

ROUNDS = 5


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Do the work. Returns: CPU seconds of the process, and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def measure_checkpoint(folder: Path, weights_mib: int) -> None:
    import safetensors.torch
    import torch

    from model.checkpoints import step_folder

    weights = {f"layer{number}": torch.randn(1 << 22) for number in range(weights_mib // 16)}
    written = step_folder.write(folder, step_folder.State(1, 1, {}), weights, {})
    path = written / step_folder.MODEL_FILE

    def load_with_check() -> None:
        step_folder._digest.cache_clear()
        for tensor in step_folder.read_weights(written).values():
            tensor.clone()

    def read_into_one_buffer() -> None:
        buffer = bytearray(1 << 20)
        with open(path, "rb", buffering=0) as source:
            while source.readinto(buffer):
                pass

    def load() -> None:  # safetensors maps the file; a copy reads it
        for tensor in safetensors.torch.load_file(path).values():
            tensor.clone()

    ways: dict[str, Callable[[], object]] = {
        "read into new memory": path.read_bytes,
        "read into one buffer": read_into_one_buffer,
        "load, unchecked": load,
        "SHA-256 alone": lambda: files.sha256(str(path)),
        "check and load": load_with_check,
    }
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            rounds[name].append(measured(way))
    gigabytes = path.stat().st_size / 1e9
    print(f"checkpoint of {gigabytes:.2f} GB       CPU s   wall s  GB per CPU s")
    for name, found in rounds.items():
        cpu, wall = (statistics.median(values) for values in zip(*found, strict=True))
        print(f"  {name:24}{cpu:>10.3f}{wall:>9.3f}{gigabytes / cpu:>14.2f}")


@contextlib.contextmanager
def clocked_checksums() -> Iterator[list[float]]:
    """Measure the CPU seconds of all checksums of work files while the block runs."""
    from c4pipe.shards.work import frames, key_files, work_files

    plain, seconds = frames.checksum, [0.0]
    plain(b"")  # imports isal

    def clocked(*arguments) -> int:
        began = time.thread_time()
        found = plain(*arguments)
        seconds[0] += time.thread_time() - began
        return found

    for module in (frames, key_files, work_files):
        module.checksum = clocked
    try:
        yield seconds
    finally:
        for module in (frames, key_files, work_files):
            module.checksum = plain


def topics() -> list[str]:
    from c4pipe.demo.documentation import _topics

    return [text for _, text in _topics() if "{" not in text and len(text) > 800]


def measure_work_files(folder: Path, num_pages: int) -> None:
    from c4pipe.demo.pack_crawl import wet_record
    from pipelines import wet_to_c4

    texts = topics()
    head = {"WARC-Date": "2019-04-18T00:00:00Z"}
    records = [
        wet_record("conversion", head | {"WARC-Target-URI": f"https://a{n}.example/"}, texts[n % len(texts)].encode())
        for n in range(num_pages)
    ]
    for number in range(2):
        (folder / f"crawl-{number}.warc.wet.gz").write_bytes(b"".join(records[number::2]))
    flags = [f"--input={folder}/*.wet.gz", f"--output={folder}/c4", "--variant=en.noblocklist", "--num_shards=1"]
    flags += ["--sentence_model=bundled", "--direct_running_mode=in_memory", "--direct_num_workers=1"]
    with clocked_checksums() as seconds, contextlib.redirect_stdout(io.StringIO()):
        wet_to_c4.main(flags)
    stages = json.loads((folder / "c4" / "report.json").read_text())["timing"]["stages"]
    total = sum(stage["seconds"] for stage in stages)
    print(f"work files of {num_pages:,} pages: CRC-32 {seconds[0]:.4f} CPU s of {total:.2f}: {seconds[0] / total:.2%}")


def measure_text_shards(folder: Path, num_pages: int) -> None:
    from c4pipe.objectives.catalog import OBJECTIVES, Parameters
    from c4pipe.shards.text_shards import TextShard, write_text_shard
    from c4pipe.stages.make_examples import Recipe, make_examples
    from c4pipe.vocabulary.vocabulary import Vocabulary
    from pipelines import c4_to_vocabulary

    texts, path = topics(), folder / "c4-train.00000-of-00001.json.gz"
    rows = [{"text": texts[n % len(texts)], "timestamp": "", "url": f"https://a{n}.example/"} for n in range(num_pages)]
    write_text_shard(str(path), rows)
    distinct = folder / "c4-train.00000-of-00002.json.gz"
    write_text_shard(str(distinct), rows[: len(texts)])
    flags = [f"--input={distinct}", f"--output={folder}/vocabulary", "--num_pieces=2000"]
    with contextlib.redirect_stdout(io.StringIO()):
        c4_to_vocabulary.main([*flags, "--direct_running_mode=in_memory", "--direct_num_workers=1"])
    vocabulary = Vocabulary.load(f"{folder}/vocabulary")
    corruption = OBJECTIVES["span_corruption"].configure(Parameters(inputs_length=512), vocabulary.size, 100)
    recipe = Recipe(corruption, vocabulary, 0, 1)
    content = path.read_bytes()
    hashing, making = [], []
    for number in range(ROUNDS):
        shard = TextShard(str(path), "train", 0, 1, sha256=hashlib.sha256(content).hexdigest())
        making.append(measured(lambda: make_examples(shard, recipe, f"{folder}/examples{number}"))[0])  # noqa: B023
        hashing.append(measured(lambda: hashlib.sha256(content))[0])
    hashed, made = statistics.median(hashing), statistics.median(making)
    print(f"text shard of {len(content):,} bytes: SHA-256 {hashed:.4f} CPU s of {made:.3f}: {hashed / made:.2%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights_mib", type=int, default=256, help="size of the checkpoint")
    parser.add_argument("--pages", type=int, default=6000, help="number of pages in the crawl")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure_checkpoint(Path(folder) / "checkpoints", flags.weights_mib)
        measure_work_files(Path(folder), flags.pages)
        measure_text_shards(Path(folder), flags.pages)


if __name__ == "__main__":
    main()
