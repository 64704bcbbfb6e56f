"""The objective of stored examples, as the settings in the manifest of their folder describe it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from c4pipe.objectives.catalog import find
from c4pipe.objectives.objective import Objective


@dataclass(frozen=True)
class Described:
    """How an example was made. name: of the objective, or of the denoiser of a mixture. num_prefix_ids: the number of
    ids before the inputs (a mode token, for instance)."""

    name: str
    objective: Objective
    num_prefix_ids: int = 0

    def restored(self, inputs: Iterable[int], targets: Iterable[int], vocabulary_size: int) -> list[int] | None:
        """`Objective.restored`, for inputs that begin with the prefix."""
        return self.objective.restored(list(inputs)[self.num_prefix_ids :], targets, vocabulary_size)


def described(settings: Mapping[str, Any]) -> list[Described]:
    """The denoisers of a folder, in the order of their numbers in its shards; a single one for an objective.

    Raises: UserError if the catalog has no such objective.
    """
    rows = settings.get("denoisers") or [settings]
    return [
        Described(row.get("name", row["objective"]), find(row["objective"]), len(row.get("prefix_ids", ())))
        for row in rows
    ]
