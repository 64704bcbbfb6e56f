"""A rank that hangs says where, and lost contact ends in one line."""

import time

import pytest
import torch.distributed as dist

from c4pipe.errors import UserError
from model.training.ranks.watchdog import Watchdog, contact_of


def test_a_rank_that_hangs_says_where(tmp_path):
    log = tmp_path / "log"

    def hang_here(watchdog: Watchdog) -> None:
        """Until it was said. What was said before this function began does not count."""
        watchdog.beat()
        deadline = time.monotonic() + 600
        while "hang_here" not in log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    with log.open("w") as stream, Watchdog(3, seconds=0.02, stream=stream) as watchdog:
        hang_here(watchdog)
    assert "warning: rank 3 on " in log.read_text() and "has made no progress" in log.read_text()


def test_a_rank_that_makes_progress_says_nothing(tmp_path):
    seen, log = [], tmp_path / "log"
    with log.open("w") as stream, Watchdog(0, seconds=3600.0, stream=stream) as watchdog:
        watchdog.beating(seen.append)(5)
    assert seen == [5] and log.read_text() == ""


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[../gloo/transport/tcp/unbound_buffer.cc:81] Timed out waiting 600000ms for recv\nmore"),
        RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [10.0.0.2]:4711"),
        dist.DistNetworkError("Failed to recv, got 0 bytes"),
        TimeoutError("rank 0 did not connect in time"),
    ],
)
def test_lost_contact_is_one_line_that_names_the_rank(error):
    line = r"^rank 5 on \S+ lost contact with the other ranks .*--resume$"
    with pytest.raises(UserError, match=line), contact_of(5):
        raise error


@pytest.mark.parametrize("error", [RuntimeError("shape [2] is invalid"), TimeoutError("of a remote disk")])
def test_other_errors_stay_what_they_are(error):
    with pytest.raises(type(error)) as caught, contact_of(5):
        raise error
    assert caught.value is error
