"""The largest elements that line keys and losers of a crawl give to an engine's shuffle, and its largest groups.

    python benchmarks/bench_elements.py [--keys=100000000] [--files=2048]

Keys are made, not read: each file has pages of 50 lines, of which every second is in no other page. The others repeat
as Zipf's law says (exponent 1.2), so that some lines are in most pages. The functions are those of
`c4pipe/stages/wet_to_c4`, in one worker; what they give is collected here in place of an engine, in 5 GB of memory for
10^8 keys. The size of an element is that in Beam's coding.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from apache_beam.coders import FastPrimitivesCoder

sys.path.insert(0, str(Path(__file__).parents[1]))

from c4pipe.corpus_run.earlier_crawls import EarlierCrawls
from c4pipe.corpus_run.keys import KINDS, shuffle_bits
from c4pipe.stages.wet_to_c4.packed_rows import EmitPacked, unpack_places
from c4pipe.stages.wet_to_c4.pick_losers import EmitKeys, EmitLosers

LINES = KINDS["lines"]
LINES_PER_PAGE = 50
_ZIPF = 1.2
# An odd number near 2^64 divided by the golden ratio: products with it look random in their first bits.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


class Shuffle:
    """The groups of a shuffle, and the size of its largest element."""

    def __init__(self, name: str) -> None:
        self.name, self.groups = name, defaultdict(list)
        self._coder, self._count, self._largest = FastPrimitivesCoder(), 0, 0

    def add_all(self, step: EmitPacked, elements: Iterable[Any]) -> None:
        """Add what the step gives for the elements, as one bundle."""
        step.start_bundle()
        for element in elements:
            for found in step.process(element):
                self._add(found)
        for windowed in step.finish_bundle():
            self._add(windowed.value)

    def _add(self, element: tuple[int, bytes]) -> None:
        place, packed = element
        self.groups[place].append(packed)
        self._count += 1
        self._largest = max(self._largest, len(self._coder.encode(element)))

    def packed(self) -> Iterator[bytes]:
        """The packed rows of all elements."""
        return chain.from_iterable(self.groups.values())

    def row(self) -> str:
        sizes = [sum(map(len, packed)) for packed in self.groups.values()]
        return f"| {self.name} | {self._count:,} | {self._largest:,} | {len(sizes):,} | {max(sizes):,} |"


def keys_of_file(number: int, num_pages: int, random: np.random.Generator) -> np.ndarray:
    """The keys of a file, (n,) of `LINE_KEY`. A page has each of its lines once, so n is a bit below the lines."""
    repeated = random.zipf(_ZIPF, (num_pages, LINES_PER_PAGE // 2)).astype(np.uint64)
    alone = random.integers(1 << 63, 1 << 64, (num_pages, LINES_PER_PAGE // 2), dtype=np.uint64)
    lines = np.sort(np.concatenate([repeated, alone], axis=1), axis=1)
    is_first = np.diff(lines, axis=1, prepend=np.uint64(0)) != 0
    rows, indexes = np.nonzero(is_first)
    keys = np.zeros(len(rows), LINES.dtype)
    keys["line"][:, 0] = lines[is_first] * _SPREAD
    keys["line"][:, 1] = lines[is_first]
    keys["page"] = (np.uint64(number) << np.uint64(32)) + rows.astype(np.uint64)
    keys["file"], keys["row"], keys["index"] = number, rows, indexes
    return keys


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=10**8)
    parser.add_argument("--files", type=int, default=2048)
    flags = parser.parse_args()
    bits = shuffle_bits(flags.keys * LINES.dtype.itemsize)
    pages_per_file = flags.keys // flags.files // LINES_PER_PAGE
    random, began = np.random.default_rng(1), time.process_time()
    keys, losers = Shuffle("line keys to buckets"), Shuffle("losers to their files")
    files = (keys_of_file(number, pages_per_file, random) for number in range(flags.files))
    keys.add_all(EmitKeys(lambda of_file: of_file, "lines", bits), files)
    num_keys = sum(map(len, keys.packed())) // LINES.dtype.itemsize
    rows = [keys.row()]
    groups = ((bucket, keys.groups.pop(bucket)) for bucket in sorted(keys.groups))
    losers.add_all(EmitLosers("lines", EarlierCrawls(), bits), groups)
    rows.append(losers.row())
    num_losers = sum(len(unpack_places(packed, LINES.losers)) for packed in losers.packed())
    seconds = time.process_time() - began
    print(f"{num_keys:,} line keys of {flags.files:,} files, {num_losers:,} losers, {seconds:.0f} CPU s")
    print("\n| what | elements | largest, bytes | groups | largest, bytes |\n|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
