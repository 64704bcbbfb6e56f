import numpy as np

from c4pipe.near_duplicates.forest import Forest


def test_clusters_are_those_of_a_search_through_the_graph():
    rng = np.random.default_rng(0)
    for num_pages, num_matches in [(1, 0), (10, 5), (500, 300), (500, 2_000)]:
        left, right = rng.integers(0, num_pages, (2, num_matches))
        forest = Forest(num_pages)
        for half in np.array_split(np.arange(num_matches), 3):
            forest.join(left[half], right[half])
        expected = smallest_reachable(num_pages, left, right)
        assert forest.roots(np.arange(num_pages)).tolist() == expected
        sizes = np.bincount(expected, minlength=num_pages)
        assert forest.clustered().tolist() == np.flatnonzero(sizes[expected] > 1).tolist()


def smallest_reachable(num_pages, left, right) -> list[int]:
    neighbours = {page: set() for page in range(num_pages)}
    for one, other in zip(left.tolist(), right.tolist(), strict=True):
        neighbours[one].add(other)
        neighbours[other].add(one)
    root = [-1] * num_pages
    for page in range(num_pages):
        waiting = [page] if root[page] < 0 else []
        while waiting:
            here = waiting.pop()
            if root[here] < 0:
                root[here] = page
                waiting += neighbours[here]
    return root


def test_a_long_chain_is_joined_in_few_turns():
    num_pages = 200_000
    pages = np.arange(num_pages)
    forest = Forest(num_pages)
    forest.join(pages[1:], pages[:-1])
    assert not forest.roots(pages).any()


def test_the_order_of_matches_changes_nothing():
    rng = np.random.default_rng(1)
    matches = rng.integers(0, 1_000, (2, 900))
    forest, shuffled = Forest(1_000), Forest(1_000)
    forest.join(*matches)
    shuffled.join(*matches[::-1, rng.permutation(900)])
    assert forest.roots(np.arange(1_000)).tolist() == shuffled.roots(np.arange(1_000)).tolist()
