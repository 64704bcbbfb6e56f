import datetime
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch.distributed as dist

from model.training.ranks.rendezvous import private_store

SECONDS = datetime.timedelta(seconds=600)


def test_ranks_of_a_second_start_do_not_hear_those_of_the_first():
    store = dist.HashStore()
    met = []
    for _ in range(2):
        with ThreadPoolExecutor(3) as threads:
            # The last rank comes first, and finds what the start before left.
            tasks = [threads.submit(private_store, store, rank, 3, SECONDS) for rank in (2, 1, 0)]
            parts = [task.result() for task in tasks]
        parts[0].set("address", "mine")
        assert all(part.get("address") == b"mine" for part in parts)
        met.append(parts)
    met[0][0].set("only/first", "1")
    assert not met[1][0].check(["only/first"])


def test_a_rank_that_does_not_come_is_named():
    with pytest.raises(TimeoutError, match=r"ranks \[1\]"):
        private_store(dist.HashStore(), 0, 2, datetime.timedelta(seconds=0.2))
