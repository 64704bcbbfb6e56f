"""Several sources in exact rates: which source the example at a position comes from, and which of its examples.

Sources are told apart one after the other. Of T positions, the first source takes floor(T a / D) where its rate is
a / D, spread evenly; what is left is a sequence of its own, of which the second source takes its share, and so on. So
after any number of examples each source has had its exact share (off by less than one at each of these cuts), counts
are closed formulas in integers, and so are their inverses: no state, no drift, no draw.

    rates 1/2, 1/4, 1/4:   position  0 1 2 3 4 5 6 7
                           source    2 0 1 0 2 0 1 0
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from c4pipe.errors import UserError

# Rates are fractions over at most this: products with positions up to 6e10 stay within 64 bits.
MAX_DENOMINATOR = 1 << 27


class Mixture:
    """Positions of a mixture to (source, number in it) and back."""

    def __init__(self, rates: Sequence[float]) -> None:
        """Raises: UserError if a rate is not above 0."""
        shares = exact_shares(rates)
        # (a, D) of each cut: the source's share of what the sources before it left.
        self._cuts = [(share, sum(shares[index:])) for index, share in enumerate(shares)]

    def counts(self, source: int, positions: np.ndarray) -> np.ndarray:
        """How many of the first `positions` examples are the source's. (n,) int64 in and out."""
        left = np.asarray(positions, dtype=np.int64)
        for share, whole in self._cuts[:source]:
            left = left - left * share // whole
        share, whole = self._cuts[source]
        return left * share // whole

    def positions(self, source: int, numbers: np.ndarray) -> np.ndarray:
        """The positions of the source's examples number 0, 1, ... (n,) int64 in and out."""
        share, whole = self._cuts[source]
        # The smallest place p with floor((p + 1) a / D) = number + 1.
        places = -(-(np.asarray(numbers, dtype=np.int64) + 1) * whole // share) - 1
        for share, whole in reversed(self._cuts[:source]):
            # The place of a left-over: floor(place D / (D - a)).
            places = places * whole // (whole - share)
        return places


def exact_shares(rates: Sequence[float]) -> list[int]:
    """Rates as integers over their sum: exactly, where a common denominator up to `MAX_DENOMINATOR` allows it.

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
