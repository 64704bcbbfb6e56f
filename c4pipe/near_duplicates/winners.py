"""Decides which page of a cluster stays: the newest, then the longest, then the smallest hash, then the first.

The first three criteria are packed into one number per page, its priority. The page with the largest priority stays.
"""

from datetime import datetime, timezone
from hashlib import blake2b

import numpy as np

_LENGTH_BITS, _HASH_BITS = 20, 12
_LONGEST = (1 << _LENGTH_BITS) - 1


def priority(text: str, timestamp: str | None) -> int:
    """32 bits of time in seconds, 20 of length in characters (at most about a million), 12 of a hash.

    A timestamp that cannot be read counts as the oldest.

    >>> newer, older = "2024-05-18T00:00:00Z", "2019-04-18T00:00:00Z"
    >>> priority("short", newer) > priority("a longer text", older) > priority("text", older) > priority("text", None)
    True
    """
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=2).digest()
    smallest_first = (1 << _HASH_BITS) - 1 - (int.from_bytes(digest, "big") >> (16 - _HASH_BITS))
    return ((_seconds(timestamp) << _LENGTH_BITS | min(len(text), _LONGEST)) << _HASH_BITS) | smallest_first


def _seconds(timestamp: str | None) -> int:
    """Seconds since 1970, at least 0 and below 2^32.

    >>> _seconds("1970-01-02T00:00:00Z"), _seconds("2019-04-18 05:15:01"), _seconds("yesterday"), _seconds(None)
    (86400, 1555564501, 0, 0)
    """
    try:
        moment = datetime.fromisoformat((timestamp or "").strip().replace("Z", "+00:00"))
    except ValueError:
        return 0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return min(max(int(moment.timestamp()), 0), (1 << 32) - 1)


def pick_winners(pages: np.ndarray, roots: np.ndarray, priorities: np.ndarray) -> np.ndarray:
    """The winner of each page's cluster, (n,) like `pages`.

    pages: page numbers in the order of the corpus. roots: the roots of their clusters. priorities: uint64. All are
    (n,).

    >>> pick_winners(np.array([1, 4, 7, 8]), np.array([1, 1, 7, 7]), np.array([5, 9, 3, 3], np.uint64)).tolist()
    [4, 4, 7, 7]
    """
    order = np.lexsort((pages, ~priorities, roots))
    ordered = roots[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    winners = np.empty_like(pages)
    winners[order] = pages[order][is_first][np.cumsum(is_first) - 1]
    return winners
