"""Corruption compared with the collators of nanoT5 (span corruption) and of FAT5 (UL2), each in its own code.

    python benchmarks/bench_collators.py [--nanot5=FILE] [--fat5=FILE] [--repeats=5]

FILE is `nanoT5/utils/copied_utils.py` of github.com/PiotrNawrot/nanoT5, and `src/data/data_collator_ul2.py` of
github.com/catie-aq/flashT5. They are not part of this repository, and need transformers and torch. Without FILE, only
c4pipe is measured.

nanoT5 is fed as in its own pipeline (lists of ints) and, what is faster, with numpy arrays, in batches of 128 pieces of
568 tokens. FAT5 is fed with batches of 128 numpy arrays, from which it takes as many tokens as the denoiser needs; it
makes Table 1 of the UL2 paper at equal rates. Both sides make inputs of 512 tokens. Raw tokens are those that go into
examples. All sides run in turn on one thread of this process; times are CPU seconds, the best of the repeats.
"""

import argparse
import importlib.util
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench_objectives import best_of

from c4pipe.objectives.catalog import OBJECTIVES
from c4pipe.objectives.mixture import MIXTURES, MixedCorruption
from c4pipe.objectives.objective import Corruption, Parameters
from c4pipe.objectives.pieces import Pages
from c4pipe.objectives.randomness import example_keys, stream_key
from c4pipe.stages.make_examples import EXAMPLES_PER_BLOCK

BATCH, BATCHES = 128, 8
SIZE, EXTRA_IDS = 32_100, 100
MODE_IDS = {"[NLU]": 11, "[S2S]": 12, "[NLG]": 13}  # one id each, as if they were pieces
STREAM = stream_key(0, 0, "train", 0)
Work = Callable[[], object]


class Tokenizer:
    """The parts of a Hugging Face tokenizer that the collators use."""

    eos_token_id, pad_token_id = 1, 0
    all_special_tokens = tuple(f"<extra_id_{number}>" for number in range(EXTRA_IDS))
    all_special_ids = tuple(range(SIZE - 1, SIZE - 1 - EXTRA_IDS, -1))

    def __len__(self) -> int:
        return SIZE

    def encode(self, prefix: str, return_tensors: str) -> np.ndarray:
        assert return_tensors == "np"
        return np.array([[MODE_IDS[prefix], self.eos_token_id]])


def loaded(path: str) -> ModuleType:
    """The module of a file."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up there
    spec.loader.exec_module(module)
    return module


def random_ids(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(100, 32_000, shape)


def of_c4pipe(corruption: Corruption | MixedCorruption) -> tuple[Work, int]:
    """The work of c4pipe on blocks as `c4_to_examples` has them, and its raw tokens."""
    num_tokens = BATCHES * EXAMPLES_PER_BLOCK * 700
    tokens = random_ids(num_tokens).astype(np.uint16)
    pages = Pages(tokens, np.arange(1), np.zeros(1, np.int64), np.array([num_tokens]))
    blocks = list(corruption.cut(pages, STREAM, 0).blocks(EXAMPLES_PER_BLOCK))

    def work() -> None:
        for number, block in enumerate(blocks):
            first = number * EXAMPLES_PER_BLOCK
            corruption.corrupt(block, example_keys(STREAM, np.arange(first, first + len(block.lengths))))

    return work, num_tokens


def of_nanot5(path: str) -> list[tuple[str, Work, int]]:
    """nanoT5's collator, fed with lists and with arrays."""
    collator = loaded(path).DataCollatorForT5MLM(Tokenizer(), 0.15, 3.0, 512, 114, 0)
    batches = random_ids(BATCHES, BATCH, 568)
    as_arrays = [[{"input_ids": row} for row in batch] for batch in batches]
    as_lists = [[{"input_ids": row.tolist()} for row in batch] for batch in batches]

    def work_on(examples: list) -> Work:
        return lambda: [collator(batch) for batch in examples]

    return [
        ("nanoT5's collator, lists of ints", work_on(as_lists), batches.size),
        ("nanoT5's collator, arrays", work_on(as_arrays), batches.size),
    ]


def of_fat5(path: str, mixture: MixedCorruption) -> tuple[str, Work, int]:
    """FAT5's collator with the denoisers of UL2. Its S has a fixed share of the text as prefix (`mu`: one fourth)."""
    denoisers = []
    for part in mixture.parts:
        mean, density = part.parameters.mean_noise_span_length, part.parameters.noise_density
        is_s = part.objective.mode == "S"
        own = {"mu": 4.0, "r": 0.0, "max_spans": 1} if is_s else {"mu": mean, "r": density, "max_spans": 512}
        denoisers.append(own | {"prefix": part.prefix})
    collator = loaded(path).DataCollatorForUL2MLM(
        Tokenizer(), 512, 640, BATCH, denoisers, [1 / len(denoisers)] * len(denoisers)
    )
    batches = random_ids(BATCHES, BATCH, 1, 1100)
    raw_tokens = round(BATCHES * BATCH * np.mean([min(length[0], 1100) for length in collator.denoiser_optimal_len]))

    def work() -> None:
        for batch in batches:
            collator([{"input_ids": row} for row in batch])

    return "FAT5's collator, arrays", work, raw_tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanot5", metavar="FILE", help="nanoT5's copied_utils.py")
    parser.add_argument("--fat5", metavar="FILE", help="FAT5's data_collator_ul2.py")
    parser.add_argument("--repeats", type=int, default=5)
    flags = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}\n")
    print("| objective | by | M raw tokens/s per core | c4pipe is this many times as fast |\n|---|---|---|---|")
    spans = OBJECTIVES["span_corruption"].configure(Parameters(), SIZE, EXTRA_IDS)
    ul2 = MIXTURES["ul2"].configure(Parameters(mode_tokens="nlu"), SIZE, EXTRA_IDS, lambda prefix: [MODE_IDS[prefix]])
    for corruption, peers in (
        (spans, of_nanot5(flags.nanot5) if flags.nanot5 else []),
        (ul2, [of_fat5(flags.fat5, ul2)] if flags.fat5 else []),
    ):
        sides = [("c4pipe", *of_c4pipe(corruption)), *peers]
        times = best_of(flags.repeats, *(work for _, work, _ in sides))
        rates = [raw_tokens / seconds for (_, _, raw_tokens), seconds in zip(sides, times, strict=True)]
        for (by, _, _), rate in zip(sides, rates, strict=True):
            print(f"| {corruption.objective.name} | {by} | {rate / 1e6:.1f} | {rates[0] / rate:.1f} |", flush=True)


if __name__ == "__main__":
    main()
