"""How patient the downloader is."""

import random
import threading
import time

from c4pipe.crawl.politeness import Backoff, RetryGate


def test_waits_double_with_jitter_up_to_the_longest():
    backoff = Backoff(first_seconds=1.0, longest_seconds=60.0, chance=random.Random(0))
    for failures, ceiling in [(1, 1), (2, 2), (5, 16), (7, 60), (5000, 60)]:
        waits = [backoff.wait_seconds(failures) for _ in range(200)]
        assert ceiling / 2 <= min(waits) < max(waits) <= ceiling
        assert len(set(waits)) > 100


def test_retry_after_is_a_floor():
    assert Backoff(first_seconds=1.0).wait_seconds(1, "33") == 33


def test_retries_of_all_connections_pass_one_at_a_time():
    gate = RetryGate(0.1, threading.Event())
    start = time.monotonic()
    threads = [threading.Thread(target=gate.wait, args=(0.0,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - start >= 0.39


def test_a_stop_ends_the_wait():
    stopping = threading.Event()
    threading.Timer(0.1, stopping.set).start()
    start = time.monotonic()
    RetryGate(0.0, stopping).wait(3600)
    assert time.monotonic() - start < 300
