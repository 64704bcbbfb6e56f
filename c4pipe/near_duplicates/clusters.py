"""The clusters of a corpus as arrays, and their statistics for the report."""

from dataclasses import dataclass

import numpy as np

from c4pipe.words import mixed


@dataclass(frozen=True)
class Clusters:
    """All pages that are in a cluster, sorted by page: pages, roots, winners (n,) uint64. Only the winner stays."""

    pages: np.ndarray
    roots: np.ndarray
    winners: np.ndarray

    @property
    def num_dropped(self) -> int:
        return int((self.pages != self.winners).sum())

    def sizes(self) -> tuple[np.ndarray, np.ndarray]:
        """(the winner of each cluster, its number of pages), the largest first; clusters of equal size by winner."""
        winners, counts = np.unique(self.winners, return_counts=True)
        order = np.lexsort((winners, -counts))
        return winners[order], counts[order]

    def histogram(self) -> dict[int, int]:
        """Size -> number of clusters of this size.

        >>> pages = np.array([0, 2, 5, 6, 9], np.uint64)
        >>> winners = np.array([0, 0, 6, 6, 6], np.uint64)
        >>> Clusters(pages, winners, winners).histogram()
        {2: 1, 3: 1}
        """
        sizes, counts = np.unique(self.sizes()[1], return_counts=True)
        return dict(zip(sizes.tolist(), counts.tolist(), strict=True))

    def drawn_pairs(self, count: int) -> list[tuple[int, int]]:
        """A sample of clusters, chosen by a hash: (winner, the first dropped page) of each."""
        dropped = self.pages != self.winners
        winners, first = np.unique(self.winners[dropped], return_index=True)
        order = np.argsort(mixed(winners.astype(np.uint64)), kind="stable")[:count]
        return list(zip(winners[order].tolist(), self.pages[dropped][first[order]].tolist(), strict=True))
