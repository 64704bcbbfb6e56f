"""Fuzzers: odd inputs for a minute each in `make test-all`; $C4PIPE_FUZZ_SECONDS makes it longer (`make fuzz`)."""

import copy
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from c4pipe.errors import UserError
from c4pipe.shown import one_line

DEFAULT_SECONDS = 60.0
ODD = [
    *(None, True, False, 0, 1, -1, 7, 1.0, 0.5, -0.0, 1e308, float("nan"), float("inf")),
    *(1 << 31, 1 << 53, 1 << 64, -(1 << 63), 10**30, 10**400),
    *("", "0", "1", "a", "..", "../x", "/x", "a/b", "a\\b", "\0", "\x1b[2J", "\n", "ä", "\ud800", "x" * 300, "nan"),
    *([], {}, [[]], [None], {"": None}, ["a", "b"], {"a": {"b": []}}, [0] * 50),
]


def odd_value(draw: random.Random) -> Any:
    return copy.deepcopy(draw.choice(ODD))


def odd_json(value: Any, draw: random.Random) -> Any:
    """A JSON value with one to three places changed, removed, doubled, or put elsewhere."""
    changed = copy.deepcopy(value)
    for _ in range(draw.randint(1, 3)):
        places = list(_places(changed))
        if not places or draw.random() < 0.02:
            return odd_value(draw)
        holder, key = draw.choice(places)
        kind = draw.randrange(6)
        if kind < 3:
            holder[key] = odd_value(draw)
        elif kind == 3:
            del holder[key]
        elif kind == 4:
            other, name = draw.choice(places)
            holder[key] = copy.deepcopy(other[name]) if _has(other, name) else odd_value(draw)
        elif isinstance(holder, dict):
            holder[draw.choice(["", "x", "../x", "file", "\x1b"])] = holder.pop(key)
        else:
            holder.append(copy.deepcopy(holder[key]))
    return changed


def _has(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else key < len(holder)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from _places(inner)


def odd_bytes(content: bytes, draw: random.Random) -> bytes:
    """Bytes with some flipped, cut, doubled or put in."""
    changed = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(changed) + 1)
        kind = draw.randrange(5)
        if kind == 0 and place < len(changed):
            changed[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del changed[place : place + draw.choice((1, 4, 100))]
        elif kind == 2:
            changed[place:place] = draw.choice(
                (b"\0", b"{", b"]", b'"', b"\xff", b"\n", b"[" * 2000, draw.randbytes(8))
            )
        elif kind == 3:
            changed[place:place] = changed[place : place + draw.choice((1, 16, 200))]
        elif draw.random() < 0.3:
            del changed[place:]
    return bytes(changed)


def odd_file(content: Any, draw: random.Random) -> bytes:
    """The bytes of a JSON file of `content` that is odd in its values, its bytes, or both."""
    if draw.random() < 0.75:
        content = odd_json(content, draw)
    text = json.dumps(content, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")
    return odd_bytes(text, draw) if draw.random() < 0.35 else text


@pytest.fixture
def fuzz(request) -> Callable[[Callable[[random.Random], bool]], None]:
    """`fuzz(attempt)`: attempts with ever other draws until the time is up.

    An attempt says whether the odd input was taken as good. A `UserError` of one line is the other good end; anything
    else fails, and tells its number, which gives the same draws again.
    """

    def run(attempt: Callable[[random.Random], bool], first: int = 0) -> None:
        seconds = float(os.environ.get("C4PIPE_FUZZ_SECONDS", DEFAULT_SECONDS))
        until, number, num_taken = time.monotonic() + seconds, first, 0
        while time.monotonic() < until or number == first:
            try:
                num_taken += attempt(random.Random(f"{request.node.name} {number}"))
            except UserError as error:
                assert "\n" not in one_line(str(error)), f"attempt {number}: {error!r}"
            except BaseException as error:
                error.add_note(f"attempt {number}") if hasattr(error, "add_note") else print(f"attempt {number}")
                raise
            number += 1
        print(f"{number - first:,} attempts, {num_taken:,} taken as good")

    return run
