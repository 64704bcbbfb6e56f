import random

from c4pipe.report import summary as summaries
from c4pipe.report.summary import LENGTH_EDGES, InputFile, Size, Summary, by_language


def some(seed: int) -> Summary:
    chosen = random.Random(seed)
    summary = Summary(samples_per_rule=3)
    for _ in range(20):
        rule = chosen.choice(["short", "long"])
        summary.counters[rule] += 1
        summary.volume(rule).add(*Size.of("one\ntwo"))
        summary.sample(rule, f"http://{chosen.randrange(40)}.example", "text " * 200)
        summary.add_written(f"{chosen.randrange(9)}.example", chosen.randrange(1 << 18), chosen.choice(["de", ""]))
    summary.add_digest(str(seed))
    summary.inputs = [InputFile(seed, "file", "sha256", 10, 0, False)]
    return summary


def merged(order: list[int]) -> dict:
    total = Summary(samples_per_rule=3)
    for seed in order:
        total.merge(some(seed))
    return total.to_json()


def test_the_order_of_merging_does_not_matter():
    assert merged([1, 2, 3, 4]) == merged([4, 2, 1, 3])
    left, right = some(1).merge(some(2)), some(3).merge(some(4))
    assert right.merge(left).to_json() == merged([1, 2, 3, 4])


def test_json_is_read_back_unchanged():
    assert Summary.from_json(some(7).to_json()).to_json() == some(7).to_json()


def test_samples_are_the_smallest_hashes_and_no_more_than_asked_for():
    samples = merged([1, 2, 3])["samples"]
    assert {rule: len(entries) for rule, entries in samples.items()} == {"short": 3, "long": 3}
    assert all(entries == sorted(entries) for entries in samples.values())


def test_every_length_has_a_bin():
    summary = Summary()
    for length in (0, 1, *LENGTH_EDGES, 10**9):
        summary.add_written("a.example", length)
    assert sum(summary.lengths.values()) == len(LENGTH_EDGES) + 3
    assert min(summary.lengths) == 0 and max(summary.lengths) == len(LENGTH_EDGES) - 2


def test_languages_are_counted_separately_and_pages_without_one_only_together():
    summary = Summary()
    for host, length, language in (("a", 20, "de"), ("a", 30, "de"), ("b", 20, "de"), ("b", 5000, "fr"), ("c", 20, "")):
        summary.add_written(host, length, language)
    found = by_language(summary, 1)
    assert {language: own["domains"] for language, own in found.items()} == {"de": [["a", 2]], "fr": [["b", 1]]}
    assert [sum(own["lengths"]) for own in found.values()] == [3, 1]
    assert found["fr"]["lengths"][max(place for place, edge in enumerate(LENGTH_EDGES) if edge <= 5000)] == 1
    assert sum(summary.lengths.values()) == 5 and summary.domains == {"a": 2, "b": 2, "c": 1}


def test_a_small_language_keeps_its_domains_beside_a_large_one(monkeypatch):
    monkeypatch.setattr(summaries, "MAX_DOMAINS", 10)
    total = Summary()
    for number in range(30):
        one = Summary()
        for _ in range(2):
            one.add_written(f"{number}.example", 20, "de")
        total.merge(one)
    small = Summary()
    small.add_written("is.example", 20, "is")
    found = by_language(Summary.from_json(small.merge(total).to_json()), 9)
    assert found["is"]["domains"] == [["is.example", 1]] and len(found["de"]["domains"]) == 5
