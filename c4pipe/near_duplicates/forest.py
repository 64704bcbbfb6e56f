"""Clusters of pages that matches connect, by a union-find over arrays: the only thing that grows with the corpus.

Four bytes per page (eight from 2^32 pages on). The clusters depend on the set of matches alone, not on their order.
"""

import numpy as np


class Forest:
    """Each page points at a page of its cluster; the smallest page of a cluster is its root and points at itself."""

    def __init__(self, num_pages: int) -> None:
        self._parents = np.arange(num_pages, dtype=np.uint32 if num_pages <= 1 << 32 else np.uint64)

    def join(self, left: np.ndarray, right: np.ndarray) -> None:
        """Join the clusters of matching pages. left, right: (n,) page numbers, match by match.

        >>> forest = Forest(6)
        >>> forest.join(np.array([5, 4, 1]), np.array([3, 5, 0]))
        >>> forest.roots(np.arange(6)).tolist()
        [0, 0, 2, 3, 3, 3]
        """
        while len(left):
            left, right = self.roots(left), self.roots(right)
            apart = left != right
            left, right = left[apart], right[apart]
            # Of several matches of a root, the smallest partner wins now; the others are looked at again.
            np.minimum.at(self._parents, np.maximum(left, right), np.minimum(left, right))

    def roots(self, pages: np.ndarray) -> np.ndarray:
        """The root of each page's cluster, (n,); shortens the way to it."""
        parents = self._parents
        while True:
            above = parents[pages]
            beyond = parents[above]
            if np.array_equal(above, beyond):
                return above
            # Each turn halves the way of every page asked for, so that a long chain takes few turns.
            parents[pages] = beyond

    def clustered(self) -> np.ndarray:
        """The pages that share their cluster with another page, (n,) sorted."""
        everyone = np.arange(len(self._parents), dtype=self._parents.dtype)
        moved = everyone[self._parents != everyone]
        return np.union1d(moved, self.roots(moved))
