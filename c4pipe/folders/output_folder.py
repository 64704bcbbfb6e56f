"""How every command opens the folder that it writes to.

    folder = OutputFolder(path, result, overwrite=...)
    if folder.is_answered(dry_run, estimate):       # a dry run changes nothing on disk
        return 0
    with folder.opened():                           # locked; files of others are never replaced
        ...                                         # write the files
        folder.commit(content)                      # writes the record last: now the folder is whole

A folder is empty, unfinished (it has a marker that names the run) or finished (it has the result's record). Only files
that the record or the marker lists, inside the folder, are ever removed or replaced.
"""

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from c4pipe import checked_json
from c4pipe.errors import HandedOver, UserError
from c4pipe.folders import names
from c4pipe.folders.kinds import REPORTS
from c4pipe.folders.lock import Holder, cannot_write, locked
from c4pipe.folders.results import Result
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.shards import files, manifest

MARKER = "unfinished.json"
# The run that a marker names while files are removed. No run can continue from there; `--overwrite` starts again.
_REMOVING = "removing"


@dataclass(frozen=True)
class Marker:
    """`unfinished.json`: the run that writes here, and the name patterns of the files that it will write."""

    run: str
    names: tuple[str, ...]
    by: Holder

    @classmethod
    def read(cls, folder: str) -> "Marker | None":
        """The folder's marker; None if the folder has no valid one."""
        path = files.join(folder, MARKER)
        if not files.exists(path):
            return None
        try:
            return checked_json.parse(files.read_bytes(path), cls)
        except ValueError:
            return None

    def write(self, folder: str) -> None:
        files.write_bytes(files.join(folder, MARKER), (json.dumps(asdict(self)) + "\n").encode())


class OutputFolder:
    """A folder, and the result that a command is to write there.

    overwrite: whether files that another run left there may be replaced. work: the folder for work until the output is
    whole; it is removed then, unless `keep_work`.
    """

    def __init__(
        self,
        path: str,
        result: Result,
        *,
        overwrite: bool = False,
        work: WorkFolder | None = None,
        keep_work: bool = False,
    ) -> None:
        self.path, self.result, self.work = path, result, work
        self._overwrite, self._keep_work = overwrite, keep_work

    def __str__(self) -> str:
        return self.path

    def file(self, name: str) -> str:
        """Path of a file in the folder."""
        return files.join(self.path, name)

    def is_answered(self, dry_run: bool, estimate: Callable[[], str], describe: Callable[[], str] = lambda: "") -> bool:
        """Whether the command has nothing to write, because it is a dry run or the folder is finished; prints which.

        estimate: see `outlook`. describe: gives a description of what the finished folder has.
        Raises: as `outlook` and `is_finished`.
        """
        if dry_run:
            print(self.outlook(estimate))
        elif self.is_finished():
            self.nothing_to_do(describe())
        else:
            return False
        return True

    def outlook(self, estimate: Callable[[], str]) -> str:
        """The text that a dry run prints. Nothing on disk changes.

        Raises: UserError if the real run would be refused.
        """
        if self.is_finished():
            return f"{self.path} is finished already; nothing would be done"
        self._replaceable()
        if self.work is not None:
            self.work.check()
        return estimate()

    def is_finished(self) -> bool:
        """Whether the folder has exactly this result, and all files of it. With `overwrite`, always False.

        Raises: UserError if the folder has another result, or if files of the result are missing or truncated.
        """
        if self._overwrite or not self._has_record():
            return False
        difference = self.result.difference(self.path)
        if difference is not None:
            raise UserError(
                f"{self.path} has another result ({difference}); give another --output, or --overwrite to replace it"
            )
        if missing := self._missing():
            raise UserError(
                f"{self.path} is no longer whole, files are missing or truncated: {names.shown(missing)}; "
                "restore them, or make everything again with --overwrite"
            )
        return True

    def nothing_to_do(self, what: str = "") -> None:
        """Print that the folder is finished.

        If a run was killed just after it wrote the record, its marker and work are removed.
        """
        if files.exists(self.file(MARKER)):
            with locked(self._lockable(), self.result.command):
                self._close()
        print(f"{self.path} is finished already{what and f': {what}'}; nothing to do")

    @contextlib.contextmanager
    def opened(self) -> Iterator["OutputFolder"]:
        """Lock the folder against other runs, prepare it, and mark it as unfinished until `commit`.

        If the block ends with an error, the written files and the marker stay for the next start. If nothing was
        written, nothing stays, unless the work goes on elsewhere (`HandedOver`).

        Raises: UserError if another run is using it, if work of another run or files of others would be replaced, or if
        it cannot be written to.
        """
        self._replaceable()
        is_new = not files.is_remote(self.path) and not os.path.exists(self.path)
        try:
            files.make_folder(self.path)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        try:
            if self.work is not None:
                self.work.open(self.result.command, self.result.run)
            with locked(self._lockable(), self.result.command):
                self._begin()
                goes_on_elsewhere = False
                try:
                    yield self
                except HandedOver:
                    goes_on_elsewhere = True
                    raise
                finally:
                    if not goes_on_elsewhere:
                        self._leave_nothing_behind()
        finally:
            if is_new:
                with contextlib.suppress(OSError):
                    os.rmdir(self.path)

    def claim(self, patterns: Sequence[str]) -> None:
        """Add the names of further files to the marker. Raises: UserError if files of others have such names."""
        marker = Marker.read(self.path) or self._marker()
        wider = tuple(dict.fromkeys((*marker.names, *patterns)))
        ours = set(names.matching(self.path, marker.names))
        names.refuse_others(self.path, [name for name in names.matching(self.path, patterns) if name not in ours])
        Marker(marker.run, wider, marker.by).write(self.path)

    def commit(self, content: bytes) -> None:
        """Write the record, by which the folder counts as whole, and remove the work and the marker."""
        files.write_bytes(self.file(self.result.record), content)
        self._close()

    def commit_manifest(self, made: manifest.Manifest) -> None:
        """As `commit`, with a manifest as the record."""
        manifest.write(self.path, made)
        self._close()

    def _lockable(self) -> str:
        """The folder to lock: the folder itself, or, if it is remote, its local work folder."""
        return self.work.path if self.work is not None and files.is_remote(self.path) else self.path

    def _has_record(self) -> bool:
        return files.exists(self.file(self.result.record))

    def _missing(self) -> list[str]:
        """The files of the result that are missing or do not have the size that was written."""
        sizes = files.sizes(self.path)
        contents, needed = self.result.contents(self.path), self.result.needed(self.path)
        expected = {name: contents.get(name) for name in needed}
        return sorted(name for name, size in expected.items() if name not in sizes or size not in (None, sizes[name]))

    def _begin(self) -> None:
        if self._has_record() and not self._overwrite:
            raise UserError(f"another run has just finished {self.path}; give the same command again")
        marker = Marker.read(self.path)
        ours = self._replaceable()
        if self.work is not None:
            self.work.remove_incomplete()
        if self._has_record() or marker is None or marker.run != self.result.run:
            if ours:
                # A run that is killed while it removes files leaves a marker that lists the remaining ones.
                holder = Holder.this_process(self.result.command)
                Marker(_REMOVING, tuple(map(_literally, ours)), holder).write(self.path)
            # The record is removed first: without it the folder counts as unfinished.
            for name in sorted(ours, key=lambda name: name != self.result.record):
                files.remove(self.file(name))
            marker = self._marker()
        else:
            self._remove_temporaries(marker)
        marker.write(self.path)

    def _replaceable(self) -> list[str]:
        """The files that the record or the marker lists.

        Raises: UserError if they are another run's and may not be overwritten, or if there are other files with names
        that this run would write.
        """
        marker = Marker.read(self.path)
        ours: list[str] = []
        if self._has_record():
            vouched = names.check_inside(self.path, self.result.contents(self.path), self.file(self.result.record))
            ours = [*names.matching(self.path, map(_literally, vouched)), self.result.record]
        if marker is not None:
            names.check_inside(self.path, marker.names, self.file(MARKER))
            ours += [name for name in names.matching(self.path, marker.names) if name not in ours]
        others = [name for name in names.matching(self.path, self.result.names) if name not in ours]
        names.refuse_others(self.path, [*others, *names.links(self.path, ours), *self._folders(ours)])
        is_of_another = marker is not None and marker.run != self.result.run and not self._has_record()
        # A run that refused its input leaves only its report, which the next try may replace.
        if is_of_another and not self._overwrite and (lost := [name for name in ours if name not in REPORTS]):
            raise UserError(
                f"{self.path} has files of an unfinished run with other settings ({names.shown(lost)}); give another "
                "--output, or --overwrite to replace them"
            )
        return ours

    def _folders(self, ours: Sequence[str]) -> list[str]:
        """The names that are folders, and so not ours: c4pipe writes only files."""
        if files.is_remote(self.path):
            return []
        return [name for name in ours if os.path.isdir(self.file(name)) and not os.path.islink(self.file(name))]

    def _marker(self) -> Marker:
        return Marker(self.result.run, self.result.names, Holder.this_process(self.result.command))

    def _remove_temporaries(self, marker: Marker) -> None:
        """Remove the half-written files that a killed run left under its own names."""
        for name in names.temporaries(self.path, (*marker.names, self.result.record, MARKER)):
            files.remove(self.file(name))

    def _close(self) -> None:
        if self.work is not None and not self._keep_work:
            self.work.remove()
        files.remove(self.file(MARKER))

    def _leave_nothing_behind(self) -> None:
        """Remove the marker of a run that ended before it wrote anything."""
        marker = Marker.read(self.path)
        if marker is None or self._has_record() or names.matching(self.path, marker.names):
            return
        if self.work is None or not self.work.exists():
            files.remove(self.file(MARKER))
        elif self.work.is_empty():
            self._close()


def _literally(name: str) -> str:
    """A pattern that matches only this name."""
    return re.sub(r"([*?[])", r"[\1]", name)
