import numpy as np

from c4pipe.near_duplicates.winners import pick_winners, priority

NEW, OLD = "2024-05-18T00:00:00Z", "2019-04-18T00:00:00Z"


def test_the_newest_stays_then_the_longest():
    assert priority("a", NEW) > priority("much longer", OLD)
    assert priority("much longer", OLD) > priority("shorter", OLD)


def test_equal_pages_have_equal_priority_and_the_first_stays():
    value = priority("the same", NEW)
    assert value == priority("the same", NEW)
    assert pick_winners(np.array([3, 5, 9]), np.array([3, 3, 3]), np.array([value] * 3, np.uint64)).tolist() == [
        3,
        3,
        3,
    ]


def test_pages_of_equal_age_and_length_are_ordered_by_their_hash():
    assert len({priority(f"page {number}", NEW) for number in range(8)}) > 1


def test_each_cluster_has_one_winner_whatever_the_order():
    rng = np.random.default_rng(2)
    pages = np.arange(300)
    roots = rng.integers(0, 40, 300)
    priorities = rng.integers(0, 5, 300).astype(np.uint64)
    winners = pick_winners(pages, roots, priorities)
    order = rng.permutation(300)
    assert pick_winners(pages[order], roots[order], priorities[order]).tolist() == winners[order].tolist()
    for root in set(roots.tolist()):
        (winner,) = set(winners[roots == root].tolist())
        best = priorities[roots == root].max()
        assert winner == pages[(roots == root) & (priorities == best)].min()
