"""The objective of stored examples, as the settings in the manifest of their folder describe it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from c4pipe.objectives.catalog import find
from c4pipe.objectives.objective import Objective


@dataclass(frozen=True)
class Described:
    """How examples were made: the objective, and the number of ids before their inputs (a mode token, for instance)."""

    objective: Objective
    num_prefix_ids: int = 0

    def restored(self, inputs: Iterable[int], targets: Iterable[int], vocabulary_size: int) -> list[int] | None:
        """`Objective.restored`, for inputs that begin with the prefix."""
        return self.objective.restored(list(inputs)[self.num_prefix_ids :], targets, vocabulary_size)


def described(settings: Mapping[str, Any]) -> Described:
    """Read the settings of a folder. Raises: UserError if the catalog has no such objective."""
    return Described(find(settings["objective"]), len(settings.get("prefix_ids", ())))
