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
from model.training.ranks.speaker import was_restarted
from model.training.settings import BestMetric, RunningSettings, TrainingSettings

_SPELLED = frozenset({"name"})
_DIGEST = "_sha256"


@dataclass(frozen=True)
class Run:
    """What a command wants to run, how, and where.

    identity: what must be equal for a folder's run to be this one (data, model, ...), beside the settings; it goes into
    `run.json`. Inputs are in it by digest, not by path, so that they may be moved and renamed. notes: what goes there
    too, but may differ. sources: of the examples that stream.
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

        Raises: UserError if the folder holds another run.
        """
        if not self.folder.holds_a_run():
            return False
        held = self.folder.read()
        self._check_same(held)
        return held["status"] == FINISHED and self.settings.steps <= held["settings"]["steps"]

    def check_free(self) -> None:
        """
        Raises: UserError if the folder holds a run that is not to be resumed, or another run.
        """
        if self.folder.holds_a_run():
            if not self.resumes:
                raise UserError(
                    f"{self.folder} holds a run that is not done; continue it with --resume, or choose another --output"
                )
            self._check_same(self.folder.read())

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against other runs, and check that it is free or can be continued. For rank 0.

        Raises: as `check_free`, and UserError if the folder is in use.
        """
        with self.folder.locked(str(self.identity["command"])):
            self.check_free()
            yield

    def open(self) -> None:
        """Write what is known at the start, into a locked folder. For rank 0."""
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

    def _check_same(self, earlier: Mapping[str, Any]) -> None:
        differing = list(differences("run", earlier, scrubbed(dict(self.identity))))
        if differing:
            raise UserError(
                f"{self.folder} holds another run: {'; '.join(differing[:3])}; choose another --output, or the same "
                "flags and inputs as before"
            )
        self.settings.check_continues(earlier["settings"])


def differences(name: str, before: Any, now: Any) -> Iterator[str]:
    """How two records of what a run depends on differ, in words.

    Names and places are not compared, since contents are, by their digests; nor what an older run did not write down.

    >>> list(differences("run", {"model": {"d_ff": 8}, "examples": [{"name": "a", "rate": 1.0}]},
    ...     {"model": {"d_ff": 9}, "examples": [{"name": "b", "rate": 2.0}]}))
    ['model: d_ff was 8, is now 9', 'examples 1: rate was 1.0, is now 2.0']
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in now:
            if key in before and key not in _SPELLED:
                for found in differences(key, before[key], now[key]):
                    yield found if name == "run" else f"{name}: {found}"
    elif isinstance(before, list) and isinstance(now, list):
        if len(before) != len(now):
            yield f"{name} were {len(before)}, are now {len(now)}"
        else:
            for number, (one, other) in enumerate(zip(before, now, strict=True), 1):
                yield from differences(f"{name} {number}", one, other)
    elif before != now and name.endswith(_DIGEST):
        yield f"{name.removesuffix(_DIGEST).replace('_', ' ')} has other content now"
    elif before != now:
        yield f"{name} was {before}, is now {now}"
