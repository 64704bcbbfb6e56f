"""Packs the keys by which the pages that won their URL compete for their lines."""

from dataclasses import dataclass

import numpy as np

from c4pipe.corpus import deduplication
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus_run.keys import KINDS, NUM_KEY_PARTS
from c4pipe.corpus_run.plan import File, Plan
from c4pipe.shards.work.key_files import is_whole, write_key_file
from c4pipe.shards.work.work_files import read_pages
from c4pipe.stages.engine import beam
from c4pipe.stages.wet_to_c4.pick_losers import Losses, count_keys, keys_path, losers_of

_LINES = KINDS["lines"]


class WriteLineKeys(beam.DoFn):
    """`Losses` of URLs -> the number of the file's line keys, which are written to the work folder."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def process(self, losses: Losses):
        file = losses.of_file
        path = keys_path(self._plan, "lines", file.stem, losses.run_key)
        if not is_whole(path, _LINES.dtype):
            keys = line_keys_of(self._plan, losses)
            write_key_file(path, keys, _LINES.parts(keys), NUM_KEY_PARTS, _LINES.dtype)
        yield count_keys(path, "lines")


def line_keys_of(plan: Plan, losses: Losses) -> np.ndarray:
    """The line keys of a file, by its `Losses` of URLs."""
    return line_keys(losses.of_file, plan, losers_of(losses, plan, "urls"))


@dataclass(frozen=True, slots=True)
class _CompetingText:
    url: str
    text: str
    stage: str


def line_keys(file: File, plan: Plan, url_losers: np.ndarray) -> np.ndarray:
    """The line keys of the pages of a file that won their URL and were not dropped by a rule, (n,) of `LINE_KEY`."""
    lost = lost_rows(url_losers)
    by_raw_url = plan.compat.lines_stay_by_raw_url
    packed = []
    row = 0
    for batch in read_pages(plan.cleaned(file.stem, ".arrow"), _CompetingText):
        for page in batch:
            if not page.stage and row not in lost:
                url = page.url if by_raw_url else normalized_url(page.url)
                packed.append(deduplication.pack_line_keys(page.text, url, file.number, row))
            row += 1
    return np.concatenate(packed or [np.zeros(0, deduplication.LINE_KEY)])


def lost_rows(url_losers: np.ndarray) -> frozenset[int]:
    """The rows of a file that lost their URL."""
    return frozenset(url_losers["row"].tolist())
