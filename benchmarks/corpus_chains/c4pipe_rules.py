"""Our rules for `en`, one after the other in one process, without Beam and without work files.

    python benchmarks/corpus_chains/c4pipe_rules.py [--assets=DIR] [--sentence_model=punkt_tab] [--variant=en] WET...

Prints one line of JSON (see `stage_clock.py`).
"""

import argparse
import collections
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from stage_clock import CLEANING, LANGUAGE, StageClock

from c4pipe.corpus import assets, deduplication, finishing, rules, variants
from c4pipe.corpus.badwords import PASSED, BadwordsFilter
from c4pipe.corpus.cleaning import Cleaner
from c4pipe.corpus.language.identifier import load_identifier
from c4pipe.corpus.sentences.counter import SentenceCounter
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.wet.parsers import read_records
from c4pipe.records import Page
from c4pipe.shards.text_shards import write_text_shard

PAGES_A_BATCH = 1_024  # as the finishing stage calls the identifier


def run(wets: list[Path], variant: variants.Variant, found: assets.Assets, output: Path) -> str:
    """The chain over the files; the report of its clock."""
    assert found.punkt is not None
    compat = variants.compat_named("tfds-3.1.0")
    sentences = SentenceCounter(found.punkt, compat.punkt)
    cleaner = Cleaner(sentences)
    identifier = load_identifier("langdetect")
    clock, counts = StageClock(), collections.Counter()
    pages: list[Page] = []
    for wet in wets:
        pages += clock.parse(lambda wet=wet: [page for page in read_records(wet) if isinstance(page, Page)], _length)

    everywhere = range(len(pages))
    competing = clock.pages("urls", everywhere, _url_keys, pages)
    losers = clock.pages("urls", everywhere, deduplication.pick_url_losers, competing)
    lost = set(losers["row"].tolist())

    texts: dict[int, str] = {}
    for place, page in enumerate(pages):
        if place not in lost:
            cleaned = clock.page("clean", place, cleaner.clean, page.text)
            if cleaned.reason:
                clock.fate[place] = CLEANING
            else:
                texts[place] = cleaned.text

    keys = [
        clock.page("lines", place, deduplication.pack_line_keys, text, pages[place].url, 0, place)
        for place, text in texts.items()
    ]
    line_losers = clock.pages("lines", texts, lambda: deduplication.pick_line_losers(np.concatenate(keys)))
    lost_lines = collections.defaultdict(list)
    for _, place, line in line_losers.tolist():
        lost_lines[place].append(line)
    for place, text in list(texts.items()):
        texts[place] = clock.page("lines", place, finishing.remove_lines, text, lost_lines[place], counts)
        if clock.page("lines", place, sentences.count, texts[place], rules.MIN_SENTENCES) < rules.MIN_SENTENCES:
            del texts[place]

    # In two calls for each batch, so that the two fates each have their own time.
    is_english = dict(zip(texts, map(_is_english, identifier.identify(list(texts.values()))), strict=True))
    for fate in (True, False):
        places = [place for place in texts if is_english[place] is fate]
        for start in range(0, len(places), PAGES_A_BATCH):
            batch = places[start : start + PAGES_A_BATCH]
            clock.pages("language", batch, identifier.identify, [texts[place] for place in batch])
    for place in [place for place in texts if not is_english[place]]:
        clock.fate[place] = LANGUAGE
        del texts[place]

    if found.badwords is not None:
        badwords = BadwordsFilter(found.badwords, compat)
        for place, text in list(texts.items()):
            normalized = normalized_url(pages[place].url)
            if clock.page("badwords", place, badwords.outcome, text, "en", normalized) != PASSED:
                del texts[place]
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


def _is_english(identified) -> bool:
    return (
        identified is not None
        and identified.language == "en"
        and identified.probability >= finishing.MIN_LANGDETECT_PROBABILITY
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
