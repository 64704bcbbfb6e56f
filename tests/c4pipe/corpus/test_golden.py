"""All rules in a row, in one process, without Beam: the rows and the counters of the reference."""

import gzip
import hashlib
import json

import pytest

from c4pipe.corpus import assets
from c4pipe.corpus.variants import VARIANTS


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
    variant, compat = name.rsplit(".tfds-", 1)
    with gzip.open(shared / f"golden/{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        golden = {row["url"]: (row["timestamp"], row["split"], row["text_md5"]) for row in map(json.loads, lines)}
    golden_counts = json.loads((shared / f"golden/{name}.counters.json").read_text())
    with gzip.open(shared / "golden/webtextlike.urls.txt.gz", "rt", encoding="utf-8") as lines:
        urls = [line.rstrip("\n") for line in lines]
    found = assets.resolve(VARIANTS[variant], folder=str(shared / "assets"))
    pages, counts = make_corpus((shared / "data/wet").glob("*.warc.wet.gz"), variant, f"tfds-{compat}", found, urls)
    rows = {url: (*page[:2], hashlib.md5(page[2].encode()).hexdigest()) for url, page in pages.items()}
    assert rows == golden
    assert {counter: counts[counter] for counter in golden_counts} == golden_counts
