"""All rules in a row, in one process, without Beam: the rows and the counters of the reference."""

import gzip
import hashlib
import json

import pytest

from c4pipe.corpus import assets
from c4pipe.corpus.variants import VARIANTS

# The version of NLTK that the goldens were made with.
NLTK_OF_GOLDENS = "nltk-3.10.4"


@pytest.mark.parametrize(
    "name",
    [
        "realnewslike.tfds-3.1.0",
        pytest.param("en.tfds-3.1.0", marks=pytest.mark.slow),
        pytest.param("en.tfds-3.0.1", marks=pytest.mark.slow),
        pytest.param("en.noblocklist.tfds-3.1.0", marks=pytest.mark.slow),
        pytest.param("en.noblocklist.tfds-3.0.1", marks=pytest.mark.slow),
        pytest.param("en.noclean.tfds-3.1.0", marks=pytest.mark.slow),
        pytest.param("webtextlike.tfds-3.1.0", marks=pytest.mark.slow),
        pytest.param("multilingual.tfds-3.1.0", marks=pytest.mark.slow),
    ],
)
def test_the_rows_and_counters_are_the_reference_s(shared, make_corpus, name):
    golden, golden_counts = read_golden(shared, name)
    rows, counts = make_rows(shared, make_corpus, name, punkt=NLTK_OF_GOLDENS)
    assert rows == golden
    assert {counter: counts[counter] for counter in golden_counts} == golden_counts


# What the reference's own functions count with the NLTK that they pin, where that is not what they count with 3.10.4
# (`python -m tools.parity.run` on the eight files).
COUNTERS_OF_PINNED_NLTK = {
    "clean-page/filtered:too_few_sentences": 1967,
    "clean-page/passed": 16376,
    "dedupe-lines/filtered:empty": 457,
    "dedupe-lines/line-filtered:global_duplicate": 18212,
    "dedupe-lines/line-passed": 283175,
    "dedupe-lines/passed": 15705,
    "english-filter/filtered:ignored_language": 5840,
    "english-filter/filtered:ignored_language-de": 2373,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["en.tfds-3.1.0"])
def test_the_pinned_nltk_gives_the_same_rows_and_its_own_counters(shared, make_corpus, name):
    golden, golden_counts = read_golden(shared, name)
    rows, counts = make_rows(shared, make_corpus, name)
    assert rows == golden
    assert {counter: counts[counter] for counter in golden_counts} == golden_counts | COUNTERS_OF_PINNED_NLTK


def read_golden(shared, name: str) -> tuple[dict, dict]:
    """(URL -> (timestamp, split, md5 of the text), counters)."""
    with gzip.open(shared / f"golden/{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = {row["url"]: (row["timestamp"], row["split"], row["text_md5"]) for row in map(json.loads, lines)}
    return rows, json.loads((shared / f"golden/{name}.counters.json").read_text())


def make_rows(shared, make_corpus, name: str, punkt: str = "") -> tuple[dict, dict]:
    """The same of what we make of the eight files."""
    variant, compat = name.rsplit(".tfds-", 1)
    with gzip.open(shared / "golden/webtextlike.urls.txt.gz", "rt", encoding="utf-8") as lines:
        urls = [line.rstrip("\n") for line in lines]
    found = assets.resolve(VARIANTS[variant], folder=str(shared / "assets"))
    paths = (shared / "data/wet").glob("*.warc.wet.gz")
    pages, counts = make_corpus(paths, variant, f"tfds-{compat}", found, urls, punkt)
    return {url: (*page[:2], hashlib.md5(page[2].encode()).hexdigest()) for url, page in pages.items()}, counts
