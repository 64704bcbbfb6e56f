"""The corpora of earlier crawls, to which a run adds a new one: which URLs and lines they have.

Only the keys in their folders are read, never their text. They are sorted, as are the keys of a bucket, so that one
pass over both finds the common ones. Only a block of an earlier corpus's keys is in memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from c4pipe.corpus.deduplication import KEPT_KEY, are_kept
from c4pipe.corpus_run.keys import NUM_KEY_PARTS, KeyKind, bucket_edges, parts_of
from c4pipe.errors import UserError
from c4pipe.shards import files, manifest, names
from c4pipe.shards.manifest import EarlierCorpus
from c4pipe.shards.work.frames import DamagedWorkFile
from c4pipe.shards.work.key_files import count_rows, read_parts

# The keys of an earlier corpus that are read at a time (10 MiB), if a part of them does not have more.
_BLOCK_KEYS = 1 << 20
_ALL_PARTS = (0, NUM_KEY_PARTS)


@dataclass(frozen=True)
class EarlierCrawl:
    """The corpus of an earlier crawl. num_files, num_keys: kind of key -> the number of its key files, and of keys."""

    folder: str
    corpus: EarlierCorpus
    num_files: Mapping[str, int] = field(default_factory=dict)
    num_keys: Mapping[str, int] = field(default_factory=dict)

    def path(self, kind: str, number: int) -> str:
        """The path of one of its key files."""
        return files.join(self.folder, names.keys(kind, number, self.num_files[kind]))

    def blocks(self, kind: str, bucket: tuple[int, int]) -> Iterator[tuple[int, tuple[int, int]]]:
        """Yield (number of a key file, parts to read at once), which together are all keys of the bucket."""
        if kind not in self.num_files:
            return
        step = max(_BLOCK_KEYS * NUM_KEY_PARTS // max(self.num_keys[kind], 1), 1)
        for number, (first, end) in enumerate(bucket_edges(self.num_files[kind])):
            first, end = max(first, bucket[0]), min(end, bucket[1])
            for start in range(first, end, step):
                yield number, (start, min(start + step, end))

    def read(self, kind: str, number: int, parts: tuple[int, int]) -> np.ndarray:
        """The keys of these parts, sorted: (n,) of `KEPT_KEY`. Raises: UserError if the file is damaged."""
        path = self.path(kind, number)
        try:
            return read_parts(path, *parts, KEPT_KEY)
        except DamagedWorkFile as error:
            raise self._damaged(path, error.fault) from error

    def check_files(self, kind: str, shards: Sequence[manifest.Shard]) -> None:
        """Raises: UserError if a key file is missing, or is not the one in the manifest by its rows and size."""
        for number, shard in enumerate(shards):
            path = self.path(kind, number)
            try:
                is_same = (count_rows(path, KEPT_KEY), files.size(path)) == (shard.rows, shard.bytes)
            except DamagedWorkFile as error:
                raise self._damaged(path, error.fault) from error
            if files.base_name(path) != shard.file or not is_same:
                raise self._damaged(path, "it is not the file that the manifest lists")

    def _damaged(self, path: str, fault: str) -> UserError:
        return UserError(f"{path} is damaged ({fault}); restore it, or make {self.folder} again with --overwrite")


@dataclass(frozen=True)
class EarlierCrawls:
    """The corpora of all earlier crawls."""

    crawls: tuple[EarlierCrawl, ...] = ()

    def num_keys(self, kind: str) -> int:
        """The number of keys of a kind in all of them."""
        return sum(crawl.num_keys.get(kind, 0) for crawl in self.crawls)

    def num_bytes(self, kind: str) -> int:
        """The size of these keys."""
        return self.num_keys(kind) * KEPT_KEY.itemsize

    def have(self, kind: KeyKind, keys: np.ndarray, bucket: tuple[int, int]) -> np.ndarray:
        """Which keys one of these corpora has, (n,) bool. keys: in any order. bucket: the range of their parts."""
        return self.have_hashes(kind.name, kind.hashes(keys), bucket)

    def have_hashes(self, kind: str, hashes: np.ndarray, bucket: tuple[int, int] = _ALL_PARTS) -> np.ndarray:
        """As `have`, for hashes (n, 2) uint64 of URLs or lines."""
        found = np.zeros(len(hashes), dtype=bool)
        if not (self.crawls and len(hashes)):
            return found
        order = np.lexsort((hashes[:, 1], hashes[:, 0]))
        ordered = hashes[order]
        parts = parts_of(ordered[:, 0])
        for crawl in self.crawls:
            for number, block in crawl.blocks(kind, bucket):
                low, high = np.searchsorted(parts, block)
                if low < high:
                    kept = crawl.read(kind, number, block)
                    found[order[low:high]] |= are_kept(ordered[low:high], kept)
        return found
