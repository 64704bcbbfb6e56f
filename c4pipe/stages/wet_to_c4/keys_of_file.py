"""Collects the keys of the URLs and lines of one WET file's pages in the corpus."""

from collections.abc import Sequence

import numpy as np

from c4pipe.corpus import deduplication
from c4pipe.corpus.deduplication import KEPT_KEY
from c4pipe.corpus_run.keys import NUM_KEY_PARTS, parts_of
from c4pipe.corpus_run.plan import Plan
from c4pipe.shards.work.key_files import is_whole, write_key_file


class KeysOfFile:
    """The keys of those pages of one WET file that are in the corpus. kinds: the kinds of keys to collect."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self._hashes: dict[str, list[np.ndarray]] = {kind: [np.empty((0, 2), np.uint64)] for kind in kinds}

    def add(self, normalized_url: str, text: str) -> None:
        """Add a page of the corpus."""
        if "urls" in self._hashes:
            url = np.frombuffer(deduplication.url_key(normalized_url), dtype=">u8")
            self._hashes["urls"].append(url.astype(np.uint64)[None])
        if "lines" in self._hashes:
            self._hashes["lines"].append(deduplication.line_keys(text))

    def write(self, plan: Plan, stem: str, key: str) -> None:
        """Write the keys beside the file's finished pages."""
        for kind, hashes in self._hashes.items():
            kept = deduplication.kept_keys(np.concatenate(hashes))
            write_key_file(plan.finished(stem, key, f".{kind}"), kept, parts_of_kept(kept), NUM_KEY_PARTS, KEPT_KEY)


def are_whole(plan: Plan, stem: str, key: str) -> bool:
    """Whether the work folder has the keys of the finished pages of a WET file, undamaged."""
    return all(is_whole(plan.finished(stem, key, f".{kind}"), KEPT_KEY) for kind in plan.kinds_of_keys)


def parts_of_kept(kept: np.ndarray) -> np.ndarray:
    """The part of each key, (n,). kept: (n,) of `KEPT_KEY`."""
    return parts_of(kept["high"].astype(np.uint64))
