"""The description of a run: what trains, on which examples, how and where; and whether its folder is free."""

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

_NAMES = frozenset({"name"})
_DIGEST = "_sha256"


@dataclass(frozen=True)
class Run:
    """A run that a command is to carry out.

    identity: the values in `run.json` that, besides the settings, must be equal if the folder holds this run (data,
        model, ...). Inputs are identified by digest and not by path, so they may be moved and renamed.
    notes: further values for `run.json`, which may differ.
    sources: of the training examples.
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
        """Whether this start may continue the run in the folder."""
        return self.running.resume or was_restarted()

    def is_finished(self) -> bool:
        """Whether the folder holds this run and it is finished. Each rank asks this before the ranks are connected.

        Raises: UserError if the folder holds another run.
        """
        if not self.folder.holds_a_run():
            return False
        earlier = self.folder.read()
        self._check_same(earlier)
        return earlier["status"] == FINISHED and self.settings.steps <= earlier["settings"]["steps"]

    def check_free(self) -> None:
        """Raises: UserError if the folder holds a run that is not to be resumed, or another run."""
        if self.folder.holds_a_run():
            if not self.resumes:
                raise UserError(
                    f"{self.folder} holds an unfinished run; continue it with --resume, or choose another --output"
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
        """Write `run.json` and the vocabulary to the locked folder. For rank 0."""
        # run.json comes first: it says that the other files belong to a run.
        self.folder.write(self.content(RUNNING))
        self.folder.write_vocabulary(self.vocabulary.model)

    def stream(self, rank: int = 0, world_size: int = 1) -> Stream:
        """A rank's share of the examples, in the order of training. Raises: as `open_stream`."""
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
        """The content of `run.json`."""
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
    """Describe how the recorded dependencies of two runs differ.

    Names are not compared, because contents are compared by digest. Values that an older run did not record are not
    compared either.

    >>> list(differences("run", {"model": {"d_ff": 8}, "examples": [{"name": "a", "rate": 1.0}]},
    ...     {"model": {"d_ff": 9}, "examples": [{"name": "b", "rate": 2.0}]}))
    ['model: d_ff was 8, is now 9', 'examples 1: rate was 1.0, is now 2.0']
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in now:
            if key in before and key not in _NAMES:
                for found in differences(key, before[key], now[key]):
                    yield found if name == "run" else f"{name}: {found}"
    elif isinstance(before, list) and isinstance(now, list):
        if len(before) != len(now):
            yield f"{name} were {len(before)}, are now {len(now)}"
        else:
            for number, (old, new) in enumerate(zip(before, now, strict=True), 1):
                yield from differences(f"{name} {number}", old, new)
    elif before != now and name.endswith(_DIGEST):
        yield f"{name.removesuffix(_DIGEST).replace('_', ' ')} has other content now"
    elif before != now:
        yield f"{name} was {before}, is now {now}"
