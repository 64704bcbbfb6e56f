"""What the stages import as `beam`: Apache Beam, or `lists` in a launcher that has little work to do.

Importing Apache Beam takes more than a second of a core, and running the graph of wet_to_c4 in it another, even for a
single page. The graphs are the same in both. A process has one of them, because a stage is a subclass of its classes.
"""

from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import apache_beam as beam  # noqa: F401

_chosen: ModuleType | None = None


def use_lists() -> bool:
    """Let `beam` be `lists`, in a process that needs no other graph. Returns: whether it is.

    It is not if a stage was imported before, with Apache Beam.
    """
    global _chosen
    if _chosen is None:
        from c4pipe.stages import lists

        _chosen = lists
    return _chosen.__name__ != "apache_beam"


def __getattr__(name: str) -> ModuleType:
    """Choose `beam` when the first stage imports it."""
    global _chosen
    if name != "beam":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _chosen is None:
        import apache_beam

        _chosen = apache_beam
    return _chosen
