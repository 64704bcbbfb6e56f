"""Our rules for `en`, one after the other in a single process, without Beam and without work files.

    python benchmarks/corpus_chains/c4pipe_rules.py [--assets=DIR] [--sentence_model=punkt_tab] [--variant=en] WET...

Prints a line of JSON (see `stage_clock.py`).
"""

import argparse
import collections
import sys
import tempfile
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from stage_clock import CLEANING, LANGUAGE, OTHER, StageClock

from c4pipe.corpus import assets, chain, deduplication, variants
from c4pipe.corpus.judging import Candidate, Judges, Verdict, judge
from c4pipe.corpus.language.catalog import load_identifier
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.wet.parsers import read_records
from c4pipe.records import Page
from c4pipe.shards.text_shards import write_text_shard

PAGES_PER_BATCH = 1_024  # as the command's stages judge them
# Stage of the chain -> its name on the clock, and the fate of the pages that it drops.
CLOCK = {
    chain.CLEANING.name: ("clean", CLEANING),
    chain.LINE_COPIES.name: ("lines", OTHER),
    chain.ENGLISH.name: ("language", LANGUAGE),
    chain.BADWORDS.name: ("badwords", OTHER),
}


class Run:
    """A run of the chain. candidates: place of a page -> the page after the stages so far, if it was not dropped."""

    def __init__(self, criteria: chain.Criteria) -> None:
        self._criteria = criteria
        self.clock = StageClock()
        self.candidates: dict[int, Candidate] = {}

    def judge(self, stages: tuple[chain.Stage, ...]) -> None:
        """Let the stages judge the pages, one stage after the other."""
        for stage in chain.judges_of(stages, self._criteria):
            name, fate = CLOCK[stage[0]]
            self._enter(self._in_batches(name, [stage]), fate)

    def _in_batches(self, name: str, judges: Judges) -> dict[int, Verdict]:
        """Judge pages that stay and pages that are dropped in separate calls, so that each kind has its own time."""
        verdicts = dict(zip(self.candidates, judge(judges, list(self.candidates.values())), strict=True))
        for stays in (True, False):
            places = [place for place, verdict in verdicts.items() if stays is not bool(verdict.stage)]
            for start in range(0, len(places), PAGES_PER_BATCH):
                batch = places[start : start + PAGES_PER_BATCH]
                self.clock.pages(name, batch, judge, judges, [self.candidates[place] for place in batch])
        return verdicts

    def _enter(self, verdicts: dict[int, Verdict], fate: str) -> None:
        for place, verdict in verdicts.items():
            if verdict.stage:
                self.clock.fate[place] = fate
                del self.candidates[place]
            else:
                candidate = self.candidates[place]
                language = verdict.language or candidate.language
                self.candidates[place] = candidate._replace(text=verdict.text, language=language)


def run(wets: list[Path], variant: variants.Variant, found: assets.Assets, output: Path) -> str:
    """Run the chain over the files. Returns: the report of its clock."""
    load = partial(load_identifier, variant.language_identifier)
    chain_run = Run(chain.Criteria(variant, variants.compat_named("tfds-3.1.0"), variant.languages, load, found))
    clock = chain_run.clock
    pages: list[Page] = []
    for wet in wets:
        pages += clock.parse(lambda wet=wet: [page for page in read_records(wet) if isinstance(page, Page)], _length)

    everywhere = range(len(pages))
    competing = clock.pages("urls", everywhere, _url_keys, pages)
    losers = clock.pages("urls", everywhere, deduplication.pick_url_losers, competing)
    lost = set(losers["row"].tolist())
    chain_run.candidates = {
        place: Candidate(page.url, normalized_url(page.url), page.text)
        for place, page in enumerate(pages)
        if place not in lost
    }
    chain_run.judge(chain.AFTER_URLS)

    keys = [
        clock.page("lines", place, deduplication.pack_line_keys, candidate.text, candidate.url, 0, place)
        for place, candidate in chain_run.candidates.items()
    ]
    line_losers = clock.pages(
        "lines", chain_run.candidates, lambda: deduplication.pick_line_losers(np.concatenate(keys))
    )
    lost_lines = collections.defaultdict(list)
    for _, place, line in line_losers.tolist():
        lost_lines[place].append(line)
    for place, candidate in chain_run.candidates.items():
        chain_run.candidates[place] = candidate._replace(lost_lines=lost_lines[place])
    chain_run.judge(chain.AFTER_LINES)
    chain_run.judge(chain.AFTER_NEAR_DUPLICATES)

    texts = {place: candidate.text for place, candidate in chain_run.candidates.items()}
    clock.pages("write", texts, _write, texts, pages, output)
    return clock.report([(pages[place].url, text) for place, text in texts.items()])


def _length(page: Page) -> int:
    return len(page.text)


def _url_keys(pages: list[Page]) -> np.ndarray:
    return deduplication.pack_url_keys(
        [normalized_url(page.url) for page in pages],
        [page.timestamp for page in pages],
        [page.text for page in pages],
        0,
        range(len(pages)),
    )


def _write(texts: dict[int, str], pages: list[Page], output: Path) -> None:
    rows = (
        {"text": text, "timestamp": pages[place].timestamp, "url": pages[place].url} for place, text in texts.items()
    )
    write_text_shard(str(output / "c4.json.gz"), rows, "json.gz")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wet", nargs="+", type=Path)
    parser.add_argument("--variant", default="en")
    parser.add_argument("--assets")
    parser.add_argument("--sentence_model", default="punkt_tab")
    flags = parser.parse_args()
    variant = variants.variant_named(flags.variant)
    found = assets.resolve(variant, folder=flags.assets, sentence_model=flags.sentence_model)
    with tempfile.TemporaryDirectory() as output:
        print(run(flags.wet, variant, found, Path(output)))


if __name__ == "__main__":
    main()
