"""Without msgspec, the same values are accepted and refused."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import pytest

from c4pipe import plain_types


def kinds(meta: Any) -> dict[str, Any]:
    """Types of every shape that we use, with the bounds of one of the two."""

    @dataclass(frozen=True)
    class Record:
        name: Annotated[str, meta(pattern=r"\A[a-z]{1,4}\Z")]
        count: Annotated[int, meta(ge=0, le=10)]
        note: str | None = None

    return {
        "record": Record,
        "counts": dict[str, Annotated[int, meta(ge=1, le=3)]],
        "pair": tuple[int, str],
        "many": tuple[int, ...],
        "list": list[float],
        "choice": Literal["a", "b"],
        "maybe": int | None,
        "short": Annotated[str, meta(min_length=1, max_length=3)],
        "flag": bool,
    }


VALUES = [
    *({"name": "ab", "count": 3}, {"name": "AB", "count": 3}, {"name": "ab"}, {"name": "ab", "count": 11}),
    *({"name": "ab", "count": True}, {"name": "ab", "count": 1, "note": None}, {"name": 1, "count": 1}),
    *({}, {"x": 1}, {"x": 4}, {"x": "1"}, [1, "a"], [1], [1, 2], [1.5, 2], ["1"], [], "a", "c", "", "abcd"),
    *(None, 0, 1, -1, 1.0, 1.5, True, False),
]


@pytest.mark.parametrize("name", kinds(plain_types.Meta))
@pytest.mark.parametrize("value", VALUES, ids=map(repr, VALUES))
def test_the_same_values_are_taken_and_refused(name, value):
    def taken(convert, kind) -> str:
        try:
            return repr(convert(value, kind))
        except ValueError:
            return "refused"

    plain = taken(plain_types.convert, kinds(plain_types.Meta)[name])
    assert plain == taken(msgspec.convert, kinds(msgspec.Meta)[name])
