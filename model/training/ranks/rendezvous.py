"""How the ranks of a start find each other, without finding ranks of an earlier start.

torchrun keeps the same key-value store over its restarts (`--max-restarts`). It still contains the addresses of killed
workers, and a worker that starts early would connect to them. So the ranks first agree on a new key prefix, and store
everything under it.
"""

import datetime
import time
import uuid

import torch.distributed as dist

_POLL_SECONDS = 0.02


def private_store(store: dist.Store, rank: int, world_size: int, timeout: datetime.timedelta) -> dist.Store:
    """A part of a store that only the ranks of this start use. All ranks call this.

    Each rank asks with a new random key, so that the answer cannot be from an earlier start. Rank 0 answers all
    questions, including old ones, until every rank has confirmed the answer.
    Raises: TimeoutError if some ranks do not appear in time.
    """
    deadline = time.monotonic() + timeout.total_seconds()
    if rank == 0:
        prefix = uuid.uuid4().hex
        _answer(store, prefix, world_size, deadline)
    else:
        ask = uuid.uuid4().hex
        store.set(f"ask/{rank}", ask)
        _wait(store, f"answer/{ask}", deadline)
        prefix = store.get(f"answer/{ask}").decode()
        store.set(f"heard/{prefix}/{rank}", "1")
    return dist.PrefixStore(f"start/{prefix}", store)


def _answer(store: dist.Store, prefix: str, world_size: int, deadline: float) -> None:
    missing = set(range(1, world_size))
    answered: set[bytes] = set()
    while missing:
        for rank in sorted(missing):
            if store.check([f"heard/{prefix}/{rank}"]):
                missing.discard(rank)
            elif store.check([f"ask/{rank}"]):
                ask = store.get(f"ask/{rank}")
                if ask not in answered:
                    answered.add(ask)
                    store.set(f"answer/{ask.decode()}", prefix)
        _pause(f"ranks {sorted(missing)}", deadline)


def _wait(store: dist.Store, key: str, deadline: float) -> None:
    while not store.check([key]):
        _pause("rank 0", deadline)


def _pause(whom: str, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(f"{whom} did not connect in time; see the output of the other processes")
    time.sleep(_POLL_SECONDS)
