"""Files that are there whole or not at all, on a local disk or behind any fsspec URL (`gs://`, `s3://`, ...)."""

import contextlib
import errno
import glob as globbing
import hashlib
import logging
import os
import re
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from c4pipe.errors import UserError
from c4pipe.shown import without_credentials

TEMPORARY_SUFFIX = ".incomplete"
_BLOCK_BYTES = 1 << 20
# File systems log an error, with its trace, before they raise it.
_LOGGERS = ("gcsfs", "s3fs", "adlfs", "google.auth")
# Between globs: one that no backslash stands before.
_COMMA = re.compile(r"(?<!\\),")


def is_remote(path: str) -> bool:
    """Whether `path` is a URL for fsspec rather than a local path."""
    return "://" in path


def join(folder: str, *names: str) -> str:
    """Join a folder (local or a URL) and the names below it."""
    return "/".join([folder.rstrip("/"), *names]) if is_remote(folder) else os.path.join(folder, *names)


def base_name(path: str) -> str:
    """The last component of a local path or URL, without what gives access to it: a name that may be written down.

    >>> base_name("c4/en/"), base_name("https://a.example/b.warc.wet.gz?part=a/b&token=c")
    ('en', 'b.warc.wet.gz?part=a/b')
    """
    plain, mark, query = path.partition("?") if is_remote(path) else (path, "", "")
    return without_credentials(plain.rstrip("/").rsplit("/", 1)[-1] + mark + query)


def folder_of(path: str) -> str:
    """The folder that a file lies in, `.` where the path names none.

    >>> folder_of("c4/en/a.json.gz"), folder_of("a.json.gz"), folder_of("https://a.example/b/c.gz?token=d/e")
    ('c4/en', '.', 'https://a.example/b')
    """
    plain = path.partition("?")[0] if is_remote(path) else path
    return plain.rstrip("/").rpartition("/")[0].rstrip("/") or ("/" if plain.startswith("/") else ".")


def file_system(url: str) -> tuple[Any, str]:
    """(fsspec file system, path in it) of a URL.

    Raises: UserError if the package for the URL's protocol is missing.
    """
    import fsspec

    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        return fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise UserError(f"cannot open {url}: {error}; `pip install 'c4pipe[cloud]'` brings the file systems") from error


def open_for_reading(path: str) -> BinaryIO:
    """Open a file as bytes.

    Raises: UserError if the file is not there or may not be read.
    """
    try:
        if is_remote(path):
            fs, inner = file_system(path)
            return cast(BinaryIO, fs.open(inner, "rb"))
        return open(path, "rb")
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise UserError(f"cannot read {path}: {error.strerror or 'not found'}") from error


def read_bytes(path: str) -> bytes:
    """All bytes of a file."""
    with open_for_reading(path) as source:
        return source.read()


def exists(path: str) -> bool:
    """Whether a file or folder is there."""
    if is_remote(path):
        fs, inner = file_system(path)
        return bool(fs.exists(inner))
    return os.path.exists(path)


def make_folder(path: str) -> None:
    """Make a folder and those above it; nothing to do on object stores."""
    if not is_remote(path):
        os.makedirs(path, exist_ok=True)


def remove(path: str) -> None:
    """Remove one file; nothing happens where it is not there."""
    try:
        if is_remote(path):
            fs, inner = file_system(path)
            fs.rm(inner)
        else:
            os.remove(path)
    except FileNotFoundError:
        pass


def list_folder(folder: str) -> list[str]:
    """Sorted base names of what lies in a folder; empty if there is none."""
    if is_remote(folder):
        fs, inner = file_system(folder)
        try:
            return sorted(base_name(entry) for entry in fs.ls(inner, detail=False))
        except FileNotFoundError:
            return []
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def sizes(folder: str) -> dict[str, int]:
    """Size in bytes of each file that lies in a folder, by base name; empty if there is none."""
    if is_remote(folder):
        fs, inner = file_system(folder)
        try:
            entries = fs.ls(inner, detail=True)
        except FileNotFoundError:
            return {}
        return {base_name(entry["name"]): int(entry["size"]) for entry in entries if entry["type"] == "file"}
    if not os.path.isdir(folder):
        return {}
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}


def expand(patterns: str) -> list[str]:
    """The sorted files that a comma-separated list of globs names.

    `\\,` is a comma of a path. A file that is there under the literal name of a glob, or of the whole list, is meant.

    Raises: UserError if one of the globs matches nothing, or is a folder.
    """
    if not is_remote(patterns) and os.path.isfile(patterns):
        return [patterns]
    found: set[str] = set()
    for pattern in (part.replace("\\,", ",") for part in _COMMA.split(patterns)):
        if is_remote(pattern):
            fs, inner = file_system(pattern)
            matches = [fs.unstrip_protocol(match) for match in fs.glob(inner)] if _has_magic(pattern) else [pattern]
        elif os.path.isfile(pattern):
            matches = [pattern]
        else:
            matches = globbing.glob(pattern, recursive=True)
            matches = [match for match in matches if os.path.isfile(match)]
        if not matches and not is_remote(pattern) and os.path.isdir(pattern):
            inside = os.path.join(pattern, "*")
            raise UserError(f"{pattern} is a folder; name the files in it by a glob, such as '{inside}' (quoted)")
        if not matches:
            hint = "; a comma within a path is written \\," if "," in patterns else ""
            raise UserError(f"no file matches {pattern!r}; check the path, and quote globs in the shell{hint}")
        found.update(matches)
    return sorted(found)


def _has_magic(pattern: str) -> bool:
    if pattern.startswith(("http://", "https://")):  # where the question mark begins a query
        return globbing.has_magic(pattern.partition("?")[0])
    return globbing.has_magic(pattern)


@contextmanager
def write_atomically(path: str) -> Iterator[BinaryIO]:
    """A file to write bytes to, that gets its name only when the block ends without an error.

    Local files are written beside their place, synchronised, then renamed, so that a reader (or a restart) sees the
    whole file or none. Object stores show a file only once it is closed; there a failed write is discarded.
    """
    if is_remote(path):
        fs, inner = file_system(path)
        target = fs.open(inner, "wb")
        try:
            yield cast(BinaryIO, target)
        except BaseException:
            if hasattr(target, "discard"):
                target.discard()
            raise
        target.close()
        return
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    temporary = f"{path}.{uuid.uuid4().hex[:8]}{TEMPORARY_SUFFIX}"
    try:
        with open(temporary, "xb") as target:  # x: never a file, or a link, that somebody put there before
            yield target
            target.flush()
            os.fsync(target.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise


def write_bytes(path: str, content: bytes) -> None:
    """Write a small file whole or not at all."""
    with write_atomically(path) as target:
        target.write(content)


def open_lock(path: str) -> BinaryIO:
    """Open a local file for reading and writing, to be locked: made where it is not there, left as it is where it is.

    Raises: UserError if it is a link or something else that is not a file: what it leads to is not ours.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
            raise UserError(f"{path} is a link or no file, which c4pipe never makes; remove it") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UserError(f"{path} is no file, which c4pipe never makes; remove it")
    return os.fdopen(descriptor, "r+b")


def make_private_folder(path: str) -> None:
    """Make a local folder, and those above it, that nobody else may look into; nothing to do on object stores.

    What a run finds in a folder of work it takes for its own, so such a folder must be the user's.
    Raises: UserError if it is there and is another user's, or a link.
    """
    if is_remote(path):
        return
    os.makedirs(os.path.dirname(path.rstrip("/")) or ".", exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise UserError(f"{path} is not a folder; c4pipe works there, so remove it or give another place")
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        raise UserError(f"{path} belongs to another user, who could change what is read from it; give another place")
    if status.st_mode & 0o077:
        os.chmod(path, 0o700)


def share(path: str) -> None:
    """Give a local file that another library wrote the mode that `open` gives: what the umask leaves of 0666."""
    beside = f"{path}.{uuid.uuid4().hex[:8]}{TEMPORARY_SUFFIX}"
    try:
        # Asking for the umask means setting it, which other threads would notice.
        with open(beside, "xb"):
            os.chmod(path, os.stat(beside).st_mode & 0o777)
    finally:
        remove(beside)


def remove_incomplete(folder: str) -> None:
    """Remove what a killed run left half-written in a local folder. Only for a folder that no other run writes to."""
    for name in list_folder(folder):
        if name.endswith(TEMPORARY_SUFFIX):
            remove(join(folder, name))


def sha256(path: str) -> str:
    """SHA-256 of a file's bytes, as hex."""
    digest = hashlib.sha256()
    with open_for_reading(path) as source:
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def size(path: str) -> int:
    """Size of a file in bytes."""
    if is_remote(path):
        fs, inner = file_system(path)
        return int(fs.size(inner))
    return os.path.getsize(path)
