import random

from c4pipe.report.summary import LENGTH_EDGES, InputFile, Size, Summary


def some(seed: int) -> Summary:
    chosen = random.Random(seed)
    summary = Summary(samples_per_rule=3)
    for _ in range(20):
        rule = chosen.choice(["short", "long"])
        summary.counters[rule] += 1
        summary.volume(rule).add(*Size.of("one\ntwo"))
        summary.sample(rule, f"http://{chosen.randrange(40)}.example", "text " * 200)
        summary.domains[f"{chosen.randrange(9)}.example"] += 1
        summary.add_length(chosen.randrange(1 << 18))
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
        summary.add_length(length)
    assert sum(summary.lengths.values()) == len(LENGTH_EDGES) + 3
    assert min(summary.lengths) == 0 and max(summary.lengths) == len(LENGTH_EDGES) - 2
