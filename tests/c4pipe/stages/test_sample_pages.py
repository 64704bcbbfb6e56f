"""The sample: its pages depend only on the text, and its size on the weights and the budget."""

import json

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from c4pipe.stages.sample_pages import (
    NUM_BUCKETS,
    SamplePages,
    SourceShard,
    bucket_of,
    make_plan,
    page_hash,
    read_plan,
    read_sample,
)

PAGES = [f"page {number} " + "word " * (number % 50) for number in range(600)]


def shards_of(folder, pages, count, source=0):
    folder.mkdir(exist_ok=True)
    shards = []
    for index in range(count):
        path = folder / f"s{source}.{index:05d}-of-{count:05d}.jsonl"
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in pages[index::count]))
        shards.append(SourceShard(source, index, str(path)))
    return shards


def sample(shards, weights, sample_bytes, work):
    options = PipelineOptions(["--runner=FnApiRunner"])
    with beam.Pipeline(options=options) as pipeline:
        _ = pipeline | beam.Create(shards) | SamplePages(weights, sample_bytes, str(work))
    return dict(read_sample(shards, str(work))), read_plan(str(work))


def test_buckets_follow_the_order_of_hashes_and_are_narrow():
    random = np.random.default_rng(0)
    values = sorted(
        int(value) >> int(shift)
        for value, shift in zip(
            random.integers(0, 2**64, 5000, dtype=np.uint64), random.integers(0, 64, 5000), strict=True
        )
    )
    buckets = [bucket_of(value) for value in values]
    assert buckets == sorted(buckets) and buckets[0] >= 0 and buckets[-1] < NUM_BUCKETS
    by_bucket = {}
    for value, bucket in zip(values, buckets, strict=True):
        by_bucket.setdefault(bucket, []).append(value)
    for hashes in by_bucket.values():
        assert hashes[-1] - hashes[0] <= hashes[0] / 256


def test_the_sample_depends_on_the_text_alone(tmp_path):
    one, plan = sample(shards_of(tmp_path / "a", PAGES, 1), (1.0,), 20_000, tmp_path / "work-a")
    many, _ = sample(shards_of(tmp_path / "b", PAGES[::-1], 7), (1.0,), 20_000, tmp_path / "work-b")
    assert one == many
    taken = sum(len(text.encode()) for text in one[0])
    assert 0.9 * 20_000 < taken <= 20_000
    assert plan.available_bytes == (sum(len(text.encode()) for text in PAGES),)
    # Those whose hash is smallest, so that a larger sample holds the smaller one.
    largest = max(map(page_hash, one[0]))
    others = set(PAGES) - set(one[0])
    assert min(map(page_hash, others)) > largest
    larger, _ = sample(shards_of(tmp_path / "c", PAGES, 2), (1.0,), 40_000, tmp_path / "work-c")
    assert set(one[0]) < set(larger[0])


def test_sources_give_by_weight(tmp_path):
    other = [f"andere {page}" for page in PAGES]
    shards = shards_of(tmp_path / "a", PAGES, 2) + shards_of(tmp_path / "a", other, 2, source=1)
    found, plan = sample(shards, (3.0, 1.0), 40_000, tmp_path / "work")
    sizes = [sum(len(text.encode()) for text in found[source]) for source in (0, 1)]
    assert plan.budget_bytes == (30_000, 10_000)
    assert 0.9 * 30_000 < sizes[0] <= 30_000 and 0.9 * 10_000 < sizes[1] <= 10_000
    assert all(text.startswith("andere") for text in found[1])


@pytest.mark.parametrize(
    ("available", "weights", "sample_bytes", "budgets"),
    [
        ((1000,), (1,), 10_000, (1000,)),  # all there is
        ((1000, 1000), (10, 1), 10_000, (1000, 100)),  # the heavy source sets the size
        ((1000, 50), (10, 1), 10_000, (1000, 100)),  # a light one that is short gives all it has
        ((1000, 1000), (10, 1), 550, (500, 50)),
        ((1000, 200), (1, 1), 10_000, (1000, 1000)),
    ],
)
def test_shares(available, weights, sample_bytes, budgets):
    histograms = {}
    for source, there in enumerate(available):
        histograms[source] = np.zeros(NUM_BUCKETS, np.int64)
        histograms[source][-there:] = 1
    plan = make_plan(histograms, weights, sample_bytes)
    assert plan.available_bytes == available and plan.budget_bytes == budgets
    for source, limit in enumerate(plan.limits):
        taken = histograms[source][:limit].sum()
        assert taken == min(available[source], budgets[source])


def test_a_budget_smaller_than_any_page_still_takes_one(tmp_path):
    found, _ = sample(shards_of(tmp_path / "a", ["long page " * 20] * 1 + PAGES[:5], 1), (1.0,), 1, tmp_path / "work")
    assert len(found[0]) == 1


def test_a_source_without_text_is_known_to_be_empty(tmp_path):
    _, plan = sample(
        shards_of(tmp_path / "a", PAGES, 1) + shards_of(tmp_path / "a", [], 1, source=1),
        (1.0, 1.0),
        5000,
        tmp_path / "w",
    )
    assert plan.available_bytes[1] == 0
