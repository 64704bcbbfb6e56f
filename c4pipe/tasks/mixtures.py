"""Mixing rates (T5, section 3.5.2): how often examples of each task are drawn.

Rates are ratios: the stream divides them by their sum. The unsupervised task counts like any other, with the number of
its examples.
"""

import math
from collections.abc import Iterable, Mapping

from c4pipe.errors import UserError

EQUAL = "equal"
PROPORTIONAL = "proportional"


def equal(num_examples: Mapping[str, int]) -> dict[str, float]:
    """The same rate for every task.

    >>> equal({"cola": 8551, "mnli": 392702})
    {'cola': 0.5, 'mnli': 0.5}
    """
    return _normalized(dict.fromkeys(num_examples, 1.0))


def proportional(
    num_examples: Mapping[str, int], limit: float = math.inf, temperature: float = 1.0
) -> dict[str, float]:
    """Rates in proportion to the tasks' sizes, up to `limit`, softened by a temperature: `min(e, K) ** (1 / T)`.

    With T = 1 this is examples-proportional mixing with limit K. The larger T, the closer it is to equal mixing.

    >>> proportional({"a": 100, "b": 300}), proportional({"a": 100, "b": 300}, limit=100)
    ({'a': 0.25, 'b': 0.75}, {'a': 0.5, 'b': 0.5})
    >>> proportional({"a": 100, "b": 900}, temperature=2)
    {'a': 0.25, 'b': 0.75}

    Raises: UserError if the limit or the temperature is not above 0.
    """
    if not limit > 0:
        raise UserError(f"the limit of a task's examples is {limit}; give a number above 0")
    if not temperature > 0:
        raise UserError(f"the temperature is {temperature}; give a number above 0 (1 is proportional)")
    # Sizes are divided by the largest first, so that a small temperature does not overflow.
    largest = max((min(count, limit) for count in num_examples.values()), default=0) or 1
    return _normalized(
        {name: (min(count, limit) / largest) ** (1 / temperature) for name, count in num_examples.items()}
    )


def leave_one_out(num_examples: Mapping[str, int], left_out: str | Iterable[str]) -> dict[str, int]:
    """The tasks without some of them, such as a whole benchmark.

    Raises: UserError if a task to be left out is not in the mixture, or if no task remains.
    """
    names = {left_out} if isinstance(left_out, str) else set(left_out)
    if unknown := names - set(num_examples):
        raise UserError(f"{', '.join(sorted(unknown))} cannot be left out: the mixture has {', '.join(num_examples)}")
    rest = {name: count for name, count in num_examples.items() if name not in names}
    if not rest:
        raise UserError("a mixture without all of its tasks is empty; leave fewer out")
    return rest


def _normalized(rates: Mapping[str, float]) -> dict[str, float]:
    total = math.fsum(rates.values())
    if not total > 0:
        raise UserError("the mixture has no examples")
    return {name: rate / total for name, rate in rates.items()}
