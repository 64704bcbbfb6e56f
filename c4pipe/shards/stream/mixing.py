"""Mixes sources at exact rates: finds, for each position, the source of the example and its number in the source.

The sources are separated one after the other. If the first source has the rate a / D, it gets floor(T a / D) of the
first T positions, evenly spread. The remaining positions form a sequence, of which the second source gets its share in
the same way, and so on. So after any number of examples, each source has had its exact share, with an error of less
than one per step. All counts and their inverses are closed formulas in integers: no state, no drift, no random numbers.

    rates 1/2, 1/4, 1/4:   position  0 1 2 3 4 5 6 7
                           source    2 0 1 0 2 0 1 0
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from c4pipe.errors import UserError

# The largest denominator of rates. With it, products with positions up to 6e10 fit into 64 bits.
MAX_DENOMINATOR = 1 << 27


class Mixture:
    """Converts positions of a mixture to counts per source and back."""

    def __init__(self, rates: Sequence[float]) -> None:
        """Raises: UserError if a rate is not above 0."""
        shares = exact_shares(rates)
        # (a, D) per source: its share a / D of the positions that the sources before it left.
        self._cuts = [(share, sum(shares[index:])) for index, share in enumerate(shares)]

    def counts(self, source: int, positions: np.ndarray) -> np.ndarray:
        """The number of the source's examples among the first `positions` examples. (n,) int64 -> (n,) int64."""
        left = np.asarray(positions, dtype=np.int64)
        for share, whole in self._cuts[:source]:
            left = left - left * share // whole
        share, whole = self._cuts[source]
        return left * share // whole

    def positions(self, source: int, numbers: np.ndarray) -> np.ndarray:
        """The positions of the source's examples with these numbers (from 0). (n,) int64 -> (n,) int64."""
        share, whole = self._cuts[source]
        # The smallest place p with floor((p + 1) a / D) = number + 1.
        places = -(-(np.asarray(numbers, dtype=np.int64) + 1) * whole // share) - 1
        for share, whole in reversed(self._cuts[:source]):
            # The place before this source took its share: floor(place D / (D - a)).
            places = places * whole // (whole - share)
        return places


def exact_shares(rates: Sequence[float]) -> list[int]:
    """Rates as integers whose sum is the denominator. Exact, if a denominator up to `MAX_DENOMINATOR` is enough.

    >>> exact_shares([0.7, 0.2, 0.1])
    [7, 2, 1]

    Raises: UserError if a rate is not a number above 0.
    """
    fractions = []
    for rate in rates:
        if not 0 < rate < float("inf"):
            raise UserError(f"a mixing rate must be above 0, not {rate}")
        fractions.append(Fraction(str(rate)))
    whole = sum(fractions)
    shares = [fraction / whole for fraction in fractions]
    denominator = np.lcm.reduce([share.denominator for share in shares], dtype=object)
    if denominator <= MAX_DENOMINATOR:
        return [int(share * denominator) for share in shares]
    return [max(1, round(share * MAX_DENOMINATOR)) for share in shares]
