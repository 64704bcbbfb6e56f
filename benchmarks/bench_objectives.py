"""Corruption compared with a per-example collator, and all work of c4_to_examples compared with SentencePiece alone.

    python benchmarks/bench_objectives.py [--input=SOURCE --vocabulary=DIR] [--repeats=7]

The collator has the method of Hugging Face's T5 example, which nanoT5 uses too (one mask per example from shuffled
flags; sentinels and removal with numpy over the batch), but it was written for this benchmark. It is timed on batches
of 128 lists of ints, with tokens that are already cut to 568. `bench_collators.py` runs nanoT5's own code.

Without --input, the text is the documentation of Python's standard library, repeated; for figures on C4 text, give
--input. Both sides run in turn on one thread of this process. Times are CPU seconds, so that other load on the machine
has little effect, and do not include waiting for the disk. The best of the repeats counts, and for ratios the median.
"""

import argparse
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from c4pipe.objectives.catalog import OBJECTIVES, Parameters
from c4pipe.objectives.randomness import example_keys, stream_key
from c4pipe.shards.reading.text_sources import resolve_source
from c4pipe.shards.text_shards import TextShard, read_text_shard, write_text_shard
from c4pipe.stages.make_examples import EXAMPLES_PER_BLOCK, Recipe, make_examples
from c4pipe.vocabulary.training import TrainingOptions, train
from c4pipe.vocabulary.vocabulary import Vocabulary

COLLATOR_BATCH = 128
COLLATOR_BATCHES = 24
BLOCKS = 16


class Collator:
    """Span corruption as in the well-known data collators: masks per example, then numpy over the batch."""

    def __init__(self, size: int, density: float = 0.15, mean: float = 3.0, seed: int = 0) -> None:
        self.size, self.density, self.mean = size, density, mean
        self.random = np.random.default_rng(seed)

    def __call__(self, examples: list[list[int]]) -> dict[str, np.ndarray]:
        tokens = np.array(examples)
        mask = np.stack([self.mask(tokens.shape[1]) for _ in range(len(tokens))])
        return {"input_ids": self.replace(tokens, mask), "labels": self.replace(tokens, ~mask)}

    def mask(self, length: int) -> np.ndarray:
        noise = min(max(int(np.round(length * self.density)), 1), length - 1)
        spans = max(int(np.round(noise / self.mean)), 1)
        lengths = np.stack([self.segments(length - noise, spans), self.segments(noise, spans)], axis=1).reshape(-1)
        starts = np.zeros(length, dtype=np.int8)
        starts[np.cumsum(lengths)[:-1]] = 1
        return np.cumsum(starts) % 2 == 1

    def segments(self, items: int, count: int) -> np.ndarray:
        first = np.arange(items - 1) < count - 1
        self.random.shuffle(first)
        ids = np.cumsum(np.pad(first, [[1, 0]]))
        return np.unique(ids, return_counts=True)[1]

    def replace(self, tokens: np.ndarray, mask: np.ndarray) -> np.ndarray:
        first = mask & ~np.pad(mask, [[0, 0], [1, 0]])[:, :-1]
        sentinels = np.where(first, self.size - np.cumsum(first, axis=1), 0)
        sentinels[mask & ~first] = -1
        ids = np.where(sentinels != 0, sentinels, tokens)
        kept = ids[ids >= 0].reshape(len(tokens), -1)
        return np.concatenate([kept, np.ones((len(tokens), 1), dtype=kept.dtype)], axis=1)


def seconds_of(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def best_of(repeats: int, *works: Callable[[], object]) -> list[float]:
    """The least CPU time of each. They run in turn, so that load on the machine affects all of them."""
    times = [[seconds_of(work) for work in works] for _ in range(repeats)]
    return [min(column) for column in zip(*times, strict=True)]


def bench_corruption(repeats: int) -> Iterator[tuple[str, str, float]]:
    random = np.random.default_rng(0)
    collator = Collator(32_100)
    batches = random.integers(3, 32_000, (COLLATOR_BATCHES, COLLATOR_BATCH, 568)).tolist()
    assert {name: ids.shape for name, ids in collator(batches[0]).items()} == {
        "input_ids": (COLLATOR_BATCH, 512),
        "labels": (COLLATOR_BATCH, 114),
    }

    def collate() -> None:
        for batch in batches:
            collator(batch)

    for name, objective in OBJECTIVES.items():
        corruption = objective.configure(Parameters(), 32_100, 100)
        n = corruption.lengths.tokens
        tokens = random.integers(3, 32_000, (BLOCKS, EXAMPLES_PER_BLOCK, n)).astype(np.uint16)
        lengths = np.full(EXAMPLES_PER_BLOCK, n)
        stream = stream_key(0, 0, "train", 0)

        def corrupt(corruption=corruption, tokens=tokens, lengths=lengths, stream=stream) -> None:
            for number, block in enumerate(tokens):
                keys = example_keys(stream, np.arange(number * EXAMPLES_PER_BLOCK, (number + 1) * EXAMPLES_PER_BLOCK))
                corruption(block, lengths, keys)

        if name == "span_corruption":
            ours, theirs = best_of(repeats, corrupt, collate)
            rate = COLLATOR_BATCHES * COLLATOR_BATCH * 568 / theirs
            yield "span corruption", "per-example collator, batches of 128", rate
        else:
            (ours,) = best_of(max(2, repeats // 2), corrupt)
        yield name, "c4pipe", tokens.size / ours


@dataclass(frozen=True)
class Stage:
    """CPU seconds of encoding alone and of the whole stage, per repeat; and the tokens and bytes of the stage."""

    alone: list[float]
    whole: list[float]
    tokens: int
    bytes: int

    @property
    def share(self) -> float:
        """Time of encoding alone divided by that of the whole stage: the median over the repeats."""
        return statistics.median(alone / whole for alone, whole in zip(self.alone, self.whole, strict=True))


def bench_stage(paths: list[str], vocabulary: Vocabulary, repeats: int) -> Stage:
    """Time encoding alone and the whole stage in turn, on the same text shards."""
    texts = [[row["text"] for row in read_text_shard(path, columns=("text",))] for path in paths]
    corruption = OBJECTIVES["span_corruption"].configure(Parameters(), vocabulary.size, vocabulary.num_extra_ids)
    recipe = Recipe(corruption, vocabulary, seed=0, replicas=1)
    made = []

    def encode_alone() -> None:
        for part in texts:
            vocabulary.encode_batch(part)

    with tempfile.TemporaryDirectory() as folder:

        def stage() -> None:
            made[:] = [
                make_examples(TextShard(path, "train", index, len(paths)), recipe, folder)
                for index, path in enumerate(paths)
            ]

        times = [(seconds_of(encode_alone), seconds_of(stage)) for _ in range(repeats)]
    alone, whole = map(list, zip(*times, strict=True))
    tokens = sum(record.counts["raw_tokens"] for record in made)
    return Stage(alone, whole, tokens, sum(shard.bytes for record in made for shard in record.shards))


def documentation(folder: str) -> tuple[list[str], Vocabulary]:
    """Make text shards from Python's documentation, and train a vocabulary on them."""
    from pydoc_data.topics import topics

    texts = [text for text in topics.values() if len(text) > 200]
    path = str(Path(folder) / "c4-train.00000-of-00001.json.gz")
    write_text_shard(path, ({"text": text, "timestamp": "", "url": ""} for text in texts * 8))
    return [path], Vocabulary(train(texts, TrainingOptions(num_pieces=4000)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", help="text shards, as for c4_to_examples")
    parser.add_argument("--vocabulary", help="a vocabulary folder; needed with --input")
    parser.add_argument("--max_shards", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    flags = parser.parse_args()
    if flags.input and not flags.vocabulary:
        parser.error("--input needs --vocabulary")
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}\n")
    print("| objective | by | M raw tokens/s per core |\n|---|---|---|")
    rates = {}
    for name, by, rate in bench_corruption(flags.repeats):
        rates[name] = rate
        print(f"| {name} | {by} | {rate / 1e6:.1f} |", flush=True)
    print(f"\nspan_corruption is {rates['span_corruption'] / rates['span corruption']:.1f} times the collator\n")
    with tempfile.TemporaryDirectory() as folder:
        if flags.input:
            paths, vocabulary = resolve_source(flags.input)[: flags.max_shards], Vocabulary.load(flags.vocabulary)
        else:
            paths, vocabulary = documentation(folder)
        stage = bench_stage(paths, vocabulary, flags.repeats)
    print("| on the same text, one core | M tokens/s |\n|---|---|")
    print(f"| SentencePiece encode alone | {stage.tokens / min(stage.alone) / 1e6:.2f} |")
    print(f"| read, encode, join, cut, corrupt, write | {stage.tokens / min(stage.whole) / 1e6:.2f} |")
    print(
        f"\nthe stage runs at {stage.share:.1%} of encode alone (median of {flags.repeats} pairs); "
        f"{stage.bytes / stage.tokens:.3f} bytes per raw token with provenance"
    )


if __name__ == "__main__":
    main()
