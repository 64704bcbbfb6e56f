"""Progress as a person reads it who has no terminal."""

import io
import re

from c4pipe.progress import ProgressLine, followed


def lines(monkeypatch, total, moments, **more) -> list[str]:
    """What is printed; moments: (seconds since the start, done, words)."""
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    target = io.StringIO()
    progress = ProgressLine("decoding", total, target=target, **more)
    for seconds, done, words in moments:
        clock[0] = 100.0 + seconds
        progress.show(done, words)
    return target.getvalue().splitlines()


def test_plain_lines_come_now_and_then(monkeypatch):
    moments = [(1, 10, "a"), (16, 20, "b"), (17, 21, "c"), (40, 40, "d")]
    assert lines(monkeypatch, 80, moments, unit="examples") == [
        "decoding: 20 of 80 examples (25%), 16 s, 48 s left, b",
        "decoding: 40 of 80 examples (50%), 40 s, 40 s left, d",
    ]


def test_progress_never_passes_its_end_nor_promises_negative_time(monkeypatch):
    assert lines(monkeypatch, 10, [(20, 13, "")]) == ["decoding: 100%, 20 s"]


def test_what_was_done_before_does_not_count_for_the_time_left(monkeypatch):
    assert lines(monkeypatch, 100, [(20, 60, "")], done=50) == ["decoding: 60%, 20 s, 1 min 20 s left"]


def test_items_are_given_one_by_one():
    assert list(followed(iter("abc"), "reading", 3, unit="letters")) == ["a", "b", "c"]


def test_who_is_not_to_speak_is_silent(monkeypatch):
    assert lines(monkeypatch, 10, [(20, 5, "x")], shows=False) == []


def test_a_bar_that_steps_back_promises_no_time_below_zero(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    clock = [100.0]
    monkeypatch.setattr("tqdm.std.time", lambda: clock[0])
    target = Terminal()
    with ProgressLine("decoding", 100, done=30, target=target) as progress:
        for done, total in ((10, 100), (40, 100), (60, 50), (10, 200), (20, 200), (230, 200)):
            clock[0] += 10.0
            progress.show(done, now=True, total=total)
    shown = [part for part in target.getvalue().split("\r") if part.strip()]
    assert len(shown) > 4 and all("-" not in part for part in shown)
    assert max(int(re.search(r"(\d+)%", part)[1]) for part in shown) == 100
