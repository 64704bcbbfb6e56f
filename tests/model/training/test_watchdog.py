"""A rank that hangs says where, and lost contact ends in one line."""

import threading

import pytest
import torch.distributed as dist

from c4pipe.errors import UserError
from model.training.ranks.watchdog import Watchdog, contact_of


class Signalling:
    """A file whose writer is waited for."""

    def __init__(self, path) -> None:
        self.file, self.written = open(path, "w"), threading.Event()  # noqa: SIM115

    def fileno(self) -> int:
        self.written.set()  # faulthandler asks for it before it writes
        return self.file.fileno()

    def write(self, text: str) -> None:
        self.file.write(text)

    def flush(self) -> None:
        self.file.flush()


def test_a_rank_that_hangs_says_where(tmp_path):
    stream = Signalling(tmp_path / "log")

    def hang_here() -> None:
        assert stream.written.wait(timeout=60)

    with Watchdog(3, seconds=0.02, stream=stream):  # type: ignore[arg-type]
        hang_here()
    stream.file.close()
    said = (tmp_path / "log").read_text()
    assert "warning: rank 3 on " in said and "has made no progress" in said
    assert "hang_here" in said, "the stack of the main thread"


def test_a_rank_that_makes_progress_says_nothing(tmp_path):
    seen = []
    with Watchdog(0, seconds=3600.0, stream=Signalling(tmp_path / "log")) as watchdog:  # type: ignore[arg-type]
        watchdog.beating(seen.append)(5)
    assert seen == [5] and (tmp_path / "log").read_text() == ""


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


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="shape") as caught, contact_of(5):
        raise RuntimeError("shape [2] is invalid")
    assert not isinstance(caught.value, UserError)
