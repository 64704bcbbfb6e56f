"""Shards at a URL: downloaded once, checked, kept within a limit, and downloaded again after temporary failures."""

import contextlib
import os
import time
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from benchmarks import slow_server
from c4pipe.errors import UserError
from c4pipe.shards.example_shards import ExampleShard
from c4pipe.shards.stream import cache, order, windows
from c4pipe.shards.stream.example_sources import open_source, read_examples
from c4pipe.shards.stream.stream import Source, open_stream

pytest.importorskip("aiohttp")

ROWS = [900] * 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory, folder_of):
    return folder_of(tmp_path_factory.mktemp("remote"), ROWS)


@pytest.fixture
def server(folder):
    with slow_server.SlowServer(folder, delay_seconds=0.05) as running:
        yield running


@pytest.fixture(autouse=True)
def small_groups_and_short_waits(monkeypatch):
    monkeypatch.setattr(order, "MAX_GROUP_SHARDS", 4)
    monkeypatch.setattr(cache, "FIRST_WAIT_SECONDS", 0.01)


def _ids(folder, cache_dir, *, position=0, count=108, **options):
    stream = open_stream([Source(str(folder))], seed=0, batch_size=100, cache_dir=str(cache_dir), **options)
    return np.concatenate([batch.example_id for batch in islice(stream.batches(position), count)])


def test_remote_batches_are_the_local_ones_and_each_shard_is_fetched_once(folder, server, tmp_path):
    began = time.perf_counter()
    stream = open_stream([Source(server.url)], seed=0, batch_size=100, cache_dir=str(tmp_path))
    next(stream.batches())
    assert time.perf_counter() - began < 300
    began = time.perf_counter()
    next(stream.batches(5_000))
    assert time.perf_counter() - began < 300
    np.testing.assert_array_equal(_ids(server.url, tmp_path), _ids(folder, tmp_path))
    again = Counter(server.requests)
    assert max(count for name, count in again.items() if name.endswith(".arrow")) == 1
    _ids(server.url, tmp_path)  # a second run finds all of it in the cache
    assert {name: n for name, n in server.requests.items() if name.endswith(".arrow")} == {
        name: n for name, n in again.items() if name.endswith(".arrow")
    }


def test_the_cache_stays_within_its_bounds(folder, server, tmp_path):
    shard_bytes = (folder / "train-00000-of-00012.arrow").stat().st_size
    stream = open_stream(
        [Source(server.url)], seed=0, batch_size=100, cache_dir=str(tmp_path), cache_bytes=10 * shard_bytes
    )
    most = 0
    for _ in islice(stream.batches(), 216):
        with contextlib.suppress(FileNotFoundError):  # removed while we looked
            most = max(most, sum(path.stat().st_size for path in tmp_path.glob("*.arrow")))
    assert 0 < most <= 10 * shard_bytes
    # There is room for the present shards, but not for the next ones: this is slower, but works.
    assert len(_ids(server.url, tmp_path / "small", cache_bytes=5 * shard_bytes)) == 10_800
    with pytest.raises(UserError, match="too small"):
        _ids(server.url, tmp_path / "tiny", cache_bytes=3 * shard_bytes)


def test_a_store_that_throttles_and_cuts_is_asked_again(folder, server, tmp_path):
    attempts: Counter[str] = Counter()

    def stumble(name, content):
        attempts[name] += 1
        if name.endswith(".arrow") and attempts[name] == 1:
            return 503, b"slow down"
        if name.endswith(".arrow") and attempts[name] == 2:
            return 200, content[: len(content) // 2]
        return 200, content

    server.answer = stumble
    np.testing.assert_array_equal(_ids(server.url, tmp_path), _ids(folder, tmp_path))


def test_a_shard_that_is_always_changed_on_its_way_is_named(server, tmp_path):
    def change(name, content):
        return 200, (content[:500] + b"?" + content[501:] if name.startswith("train-00005") else content)

    server.answer = change
    with pytest.raises(UserError, match=r"train-00005-of-00012\.arrow is damaged"):
        _ids(server.url, tmp_path)
    assert len(set(_ids(server.url, tmp_path, on_bad_shard="skip"))) == 900 * 11
    deadline = time.monotonic() + 600  # fetches under way when a stream is closed end soon after
    while list(tmp_path.glob("*.incomplete")):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_shard_that_is_not_there_is_named(folder, server, tmp_path):
    server.answer = lambda name, content: (404, b"") if name.startswith("train-00002") else (200, content)
    with pytest.raises(UserError, match=r"train-00002-of-00012\.arrow: not found"):
        _ids(server.url, tmp_path)


def test_a_store_that_never_answers_well_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "ATTEMPTS", 3)
    server.answer = lambda name, content: (500, b"") if name.endswith(".arrow") else (200, content)
    with pytest.raises(UserError, match="could not be fetched in 3 attempts"):
        _ids(server.url, tmp_path)


def test_a_changed_file_in_the_cache_is_downloaded_again(folder, server, tmp_path):
    expected = _ids(server.url, tmp_path)
    for path in tmp_path.glob("*.arrow"):
        path.write_bytes(b"x" * path.stat().st_size)
    np.testing.assert_array_equal(_ids(server.url, tmp_path), expected)


def test_a_flipped_bit_that_keeps_the_time_is_seen_by_the_next_run(server, tmp_path):
    expected = _ids(server.url, tmp_path)
    for path in tmp_path.glob("*.arrow"):
        status, content = path.stat(), bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        with open(path, "r+b") as target:
            target.write(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    server.requests.clear()
    np.testing.assert_array_equal(_ids(server.url, tmp_path), expected)
    assert len([name for name in server.requests if name.endswith(".arrow")]) >= len(ROWS)


def test_a_lock_that_is_a_link_is_refused_and_its_target_stays(server, tmp_path):
    marker = tmp_path / "marker.txt"
    marker.write_text("stays")
    cache_dir = tmp_path / "cache"
    _ids(server.url, cache_dir)
    for lock in cache_dir.glob("*.lock"):
        lock.unlink()
        lock.symlink_to(marker)
    with pytest.raises(UserError, match=r"\.lock is a link"):
        _ids(server.url, cache_dir)
    assert marker.read_text() == "stays"


def test_files_that_another_process_removes_are_fetched_again(folder, server, tmp_path):
    expected = _ids(folder, tmp_path)
    stream = open_stream([Source(server.url)], seed=0, batch_size=100, cache_dir=str(tmp_path))
    found = []
    for batch in islice(stream.batches(), 108):
        found.append(batch.example_id)
        for path in tmp_path.glob("*.arrow"):
            path.unlink(missing_ok=True)
    np.testing.assert_array_equal(np.concatenate(found), expected)


def test_a_file_that_is_removed_again_before_it_is_opened_is_fetched_again(folder, server, tmp_path, monkeypatch):
    num_removals: Counter[str] = Counter()

    def open_after_removal(path, columns):
        if num_removals[path] < 3:
            num_removals[path] += 1
            Path(path).unlink()
        return ExampleShard(path, columns)

    expected = _ids(folder, tmp_path)
    monkeypatch.setattr(windows, "ExampleShard", open_after_removal)
    np.testing.assert_array_equal(_ids(server.url, tmp_path), expected)
    assert set(num_removals.values()) == {3} and len(num_removals) == len(ROWS)
    monkeypatch.setattr(windows, "ATTEMPTS", 2)
    num_removals.clear()
    with pytest.raises(UserError, match="not found"):
        _ids(server.url, tmp_path)


def test_a_second_request_for_a_removed_file_does_not_cancel_the_first(folder, server, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "FETCH_THREADS", 1)
    source = open_source(Source(server.url))
    first, other = ((source.path(number), source.shards[number]) for number in (0, 1))
    shards = cache.ShardCache(str(tmp_path))
    Path(shards.request(*first).result()).unlink()
    shards.request(*other)  # keeps the only thread busy
    requests = [shards.request_again(*first) for _ in range(2)]
    assert [Path(request.result()).exists() for request in requests] == [True, True]
    shards.close()


def test_rows_are_read_from_a_url_too(folder, server):
    ours, local = read_examples(Source(server.url), 50), read_examples(Source(str(folder)), 50)
    np.testing.assert_array_equal(ours.inputs, local.inputs)
    np.testing.assert_array_equal(ours.targets, local.targets)


@pytest.fixture
def s3_folder(folder, monkeypatch):
    pytest.importorskip("moto", reason="NOT CHECKED: moto[server] is not installed")
    pytest.importorskip("s3fs", reason="NOT CHECKED: s3fs is not installed")
    import fsspec
    from moto.server import ThreadedMotoServer

    store = ThreadedMotoServer(port=0)
    store.start()
    host, port = store.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host if host != '0.0.0.0' else '127.0.0.1'}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    bucket = fsspec.filesystem("s3")
    bucket.mkdir("c4pipe-test-examples")
    for path in folder.iterdir():
        bucket.put_file(str(path), f"c4pipe-test-examples/folder/{path.name}")
    yield "s3://c4pipe-test-examples/folder"
    store.stop()
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_s3_gives_the_same_batches(folder, s3_folder, tmp_path):
    np.testing.assert_array_equal(_ids(s3_folder, tmp_path), _ids(folder, tmp_path))
    with pytest.raises(UserError, match=r"no manifest\.json"):
        open_stream([Source(f"{s3_folder}-elsewhere")], seed=0, batch_size=1)
