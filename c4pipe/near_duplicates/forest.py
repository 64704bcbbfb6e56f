"""Joins matching pages into clusters, by a union-find structure in an array.

It takes four bytes per page (eight from 2^32 pages on), and is the only structure in memory for all pages of the
corpus. The clusters depend only on the set of matches, not on their order.
"""

import numpy as np


class Forest:
    """Each page points to a page of its cluster. The smallest page of a cluster is its root, and points to itself."""

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
            # If a root has several matches, the smallest partner wins now, and the others are joined in the next round.
            np.minimum.at(self._parents, np.maximum(left, right), np.minimum(left, right))

    def roots(self, pages: np.ndarray) -> np.ndarray:
        """The root of each page's cluster, (n,). Also shortens the paths to the roots."""
        parents = self._parents
        while True:
            above = parents[pages]
            beyond = parents[above]
            if np.array_equal(above, beyond):
                return above
            # Each round halves the paths of these pages, so that long chains need few rounds.
            parents[pages] = beyond

    def clustered(self) -> np.ndarray:
        """The pages whose cluster has other pages, (n,) sorted."""
        everyone = np.arange(len(self._parents), dtype=self._parents.dtype)
        moved = everyone[self._parents != everyone]
        return np.union1d(moved, self.roots(moved))
