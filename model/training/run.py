"""A run as a command wants it: what trains, on which examples, how and where; and whether its folder is free."""

import contextlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

import c4pipe
from c4pipe.errors import UserError
from c4pipe.shards.stream.stream import Source, Stream, open_stream
from c4pipe.shown import scrubbed
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.checkpoints.run_folder import FINISHED, RUNNING, RunFolder
from model.training.ranks.world import was_restarted
from model.training.settings import BestMetric, RunningSettings, TrainingSettings


@dataclass(frozen=True)
class Run:
    """What a command wants to run, how, and where.

    identity: what must be equal for a folder's run to be this one (data, model, ...), beside the settings; it goes into
    `run.json`. notes: what goes there too, but may differ. sources: of the examples that stream.
    """

    folder: RunFolder
    settings: TrainingSettings
    running: RunningSettings
    identity: Mapping[str, Any]
    notes: Mapping[str, Any]
    best: BestMetric
    vocabulary: Vocabulary
    sources: tuple[Source, ...]

    @property
    def resumes(self) -> bool:
        """Whether this start may continue what the folder holds."""
        return self.running.resume or was_restarted()

    def is_finished(self) -> bool:
        """Whether the folder holds this run, done. All ranks ask before they meet, so a finished run costs nothing.

        Raises: UserError where the folder holds another run.
        """
        if not self.folder.holds_a_run():
            return False
        held = self.folder.read()
        self._check_same(held)
        return held["status"] == FINISHED and self.settings.steps <= held["settings"]["steps"]

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder against other runs, and check that it is free, or can be continued. For rank 0.

        Raises: UserError where it holds a run that is not to be resumed, another run, or is in use.
        """
        with self.folder.held(str(self.identity["command"])):
            if self.folder.holds_a_run():
                if not self.resumes:
                    raise UserError(
                        f"{self.folder} holds a run that is not done; continue it with --resume, or choose another "
                        "--output"
                    )
                self._check_same(self.folder.read())
            yield

    def open(self) -> None:
        """Write what is known at the start, into a folder that is held. For rank 0."""
        # run.json first: it says whose the other files are.
        self.folder.write(self.content(RUNNING))
        self.folder.write_vocabulary(self.vocabulary.model)

    def stream(self, rank: int = 0, world_size: int = 1) -> Stream:
        """A rank's part of the examples, in the order of training. Raises: as `open_stream`."""
        return open_stream(
            self.sources,
            seed=self.settings.seed,
            batch_size=self.settings.batch_size,
            rank=rank,
            world_size=world_size,
            num_threads=self.running.num_threads,
            cache_dir=self.running.cache_dir,
            cache_bytes=int(self.running.cache_gigabytes * 2**30),
            on_bad_shard=self.running.on_bad_shard,
        )

    def content(self, status: str, **more: Any) -> dict[str, Any]:
        """What `run.json` says."""
        return {
            "status": status,
            **self.identity,
            "num_extra_ids": self.vocabulary.num_extra_ids,
            "settings": self.settings.to_json(),
            "best_metric": {"name": self.best.name, "higher_is_better": self.best.higher_is_better},
            **self.notes,
            "versions": {"c4pipe": c4pipe.__version__, "torch": torch.__version__, "python": platform.python_version()},
            **more,
        }

    def _check_same(self, held: Mapping[str, Any]) -> None:
        for name, value in self.identity.items():
            if held.get(name) != scrubbed(value):
                raise UserError(
                    f"{self.folder} holds a run with another {name.replace('_', ' ')} "
                    f"({_difference(held.get(name), value)}); choose another --output, or the same flags as before"
                )
        self.settings.check_continues(held["settings"])


def _difference(before: Any, now: Any) -> str:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        names = [name for name in now if before.get(name) != now[name]]
        return ", ".join(f"{name} was {before.get(name)}, is now {now[name]}" for name in names[:3])
    return f"was {before}, is now {now}"
