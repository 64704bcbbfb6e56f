"""How the ranks of one start find each other, and nothing of an earlier start.

torchrun keeps one key-value store over its restarts (`--max-restarts`). Addresses of workers that were killed still lie
in it, and a worker that comes up first would connect to these. So the ranks agree on a word of their own first, and
keep everything under it.
"""

import datetime
import time
import uuid

import torch.distributed as dist

_POLL_SECONDS = 0.02


def private_store(store: dist.Store, rank: int, world_size: int, timeout: datetime.timedelta) -> dist.Store:
    """A part of a store that the ranks of this start have for themselves. All ranks call it.

    Each rank asks with a word that nobody used before, so that what answers it cannot be old. Rank 0 answers all asks,
    old ones too, until every rank has said that it heard.
    Raises: TimeoutError if some do not come.
    """
    deadline = time.monotonic() + timeout.total_seconds()
    if rank == 0:
        word = uuid.uuid4().hex
        _answer(store, word, world_size, deadline)
    else:
        ask = uuid.uuid4().hex
        store.set(f"ask/{rank}", ask)
        _wait(store, f"answer/{ask}", deadline)
        word = store.get(f"answer/{ask}").decode()
        store.set(f"heard/{word}/{rank}", "1")
    return dist.PrefixStore(f"start/{word}", store)


def _answer(store: dist.Store, word: str, world_size: int, deadline: float) -> None:
    missing = set(range(1, world_size))
    answered: set[bytes] = set()
    while missing:
        for rank in sorted(missing):
            if store.check([f"heard/{word}/{rank}"]):
                missing.discard(rank)
            elif store.check([f"ask/{rank}"]):
                ask = store.get(f"ask/{rank}")
                if ask not in answered:
                    answered.add(ask)
                    store.set(f"answer/{ask.decode()}", word)
        _pause(f"ranks {sorted(missing)}", deadline)


def _wait(store: dist.Store, key: str, deadline: float) -> None:
    while not store.check([key]):
        _pause("rank 0", deadline)


def _pause(whom: str, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(f"{whom} did not come; see what the other processes say")
    time.sleep(_POLL_SECONDS)
