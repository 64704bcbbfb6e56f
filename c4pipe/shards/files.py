"""Reads and writes files on a local disk or at any fsspec URL (`gs://`, `s3://`, ...). Writes are atomic."""

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
# The loggers of file systems, which log an error with its traceback before they raise it.
_LOGGERS = ("gcsfs", "s3fs", "adlfs", "google.auth")
# Separates globs: a comma without a backslash before it.
_COMMA = re.compile(r"(?<!\\),")


def is_remote(path: str) -> bool:
    """Whether `path` is a URL for fsspec rather than a local path."""
    return "://" in path


def join(folder: str, *names: str) -> str:
    """Join a folder (local or a URL) and the names below it."""
    return "/".join([folder.rstrip("/"), *names]) if is_remote(folder) else os.path.join(folder, *names)


def base_name(path: str) -> str:
    """The last component of a local path or URL, without credentials, so that the name can be stored.

    >>> base_name("c4/en/"), base_name("https://a.example/b.warc.wet.gz?part=a/b&token=c")
    ('en', 'b.warc.wet.gz?part=a/b')
    """
    plain, mark, query = path.partition("?") if is_remote(path) else (path, "", "")
    return without_credentials(plain.rstrip("/").rsplit("/", 1)[-1] + mark + query)


def folder_of(path: str) -> str:
    """The folder of a file; `.` if the path has none.

    >>> folder_of("c4/en/a.json.gz"), folder_of("a.json.gz"), folder_of("https://a.example/b/c.gz?token=d/e")
    ('c4/en', '.', 'https://a.example/b')
    """
    plain = path.partition("?")[0] if is_remote(path) else path
    return plain.rstrip("/").rpartition("/")[0].rstrip("/") or ("/" if plain.startswith("/") else ".")


def file_system(url: str) -> tuple[Any, str]:
    """(fsspec file system, path in it) for a URL.

    The file system has no listings of earlier calls: those would hide the files that workers have written since then.
    Raises: UserError if the package for the URL's protocol is missing.
    """
    import fsspec

    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        found, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise UserError(
            f"cannot open {url}: {error}; `pip install 'c4pipe[cloud]'` installs the file systems"
        ) from error
    found.invalidate_cache()
    return found, path


def open_for_reading(path: str) -> BinaryIO:
    """Open a file as bytes.

    Raises: UserError if the file is missing or may not be read; PermissionError if a storage service refuses access.
    """
    try:
        if is_remote(path):
            fs, inner = file_system(path)
            return cast(BinaryIO, fs.open(inner, "rb"))
        return open(path, "rb")
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        if isinstance(error, PermissionError) and error.errno is None:
            raise  # c4pipe.outside says which credentials the service asks for
        raise UserError(f"cannot read {path}: {error.strerror or 'not found'}") from error


def read_bytes(path: str) -> bytes:
    """All bytes of a file."""
    with open_for_reading(path) as source:
        return source.read()


def exists(path: str) -> bool:
    """Whether a file or folder exists."""
    if is_remote(path):
        fs, inner = file_system(path)
        return bool(fs.exists(inner))
    return os.path.exists(path)


def make_folder(path: str) -> None:
    """Make a folder and its parents. Object stores need no folders."""
    if not is_remote(path):
        os.makedirs(path, exist_ok=True)


def remove(path: str) -> None:
    """Remove one file, if it exists."""
    try:
        if is_remote(path):
            fs, inner = file_system(path)
            fs.rm(inner)
        else:
            os.remove(path)
    except FileNotFoundError:
        pass


def list_folder(folder: str) -> list[str]:
    """The sorted base names of everything in a folder; empty if the folder does not exist."""
    if is_remote(folder):
        fs, inner = file_system(folder)
        try:
            return sorted(base_name(entry) for entry in fs.ls(inner, detail=False))
        except FileNotFoundError:
            return []
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def sizes(folder: str) -> dict[str, int]:
    """Base name -> size in bytes, for each file in a folder; empty if the folder does not exist."""
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


def split_list(paths: str) -> list[str]:
    """The paths in a comma-separated list. `\\,` is a comma in a path.

    >>> split_list("a,b\\\\,c")
    ['a', 'b,c']
    """
    return [part.replace("\\,", ",") for part in _COMMA.split(paths)]


def expand(patterns: str) -> list[str]:
    """The sorted files that a comma-separated list of globs names.

    `\\,` is a comma in a path. If a file has the literal name of a glob, or of the whole list, that file is taken.

    Raises: UserError if a glob matches nothing, or is a folder.
    """
    if not is_remote(patterns) and os.path.isfile(patterns):
        return [patterns]
    found: set[str] = set()
    for pattern in split_list(patterns):
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
            hint = "; write a comma in a path as \\," if "," in patterns else ""
            raise UserError(f"no file matches {pattern!r}; check the path, and quote globs in the shell{hint}")
        found.update(matches)
    return sorted(found)


def _has_magic(pattern: str) -> bool:
    if pattern.startswith(("http://", "https://")):  # there, a question mark begins the query
        return globbing.has_magic(pattern.partition("?")[0])
    return globbing.has_magic(pattern)


@contextmanager
def write_atomically(path: str) -> Iterator[BinaryIO]:
    """A file to write bytes to, which gets its name only when the block ends without an error.

    A local file is written under a temporary name, synchronised, then renamed, so that a reader (or a restart) sees the
    whole file or none. An object store shows a file only after it is closed; there, a failed write is discarded.
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
        with open(temporary, "xb") as target:  # x: fails if a file or a link is there already
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
    """Open a local file for reading and writing, to lock it. It is made if it does not exist, and never truncated.

    Raises: UserError if it is a link or another thing than a file, because then it is not ours.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
            raise UserError(f"{path} is a link or not a file, which c4pipe never makes; remove it") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UserError(f"{path} is not a file, which c4pipe never makes; remove it")
    return os.fdopen(descriptor, "r+b")


def make_private_folder(path: str) -> None:
    """Make a local folder, and its parents, that other users cannot read. Object stores need no folders.

    A run trusts the files in its work folder, so the folder must belong to the user.
    Raises: UserError if it exists and belongs to another user, or is a link.
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
    """Give a local file that another library wrote the mode that `open` would give it: 0666 less the umask."""
    beside = f"{path}.{uuid.uuid4().hex[:8]}{TEMPORARY_SUFFIX}"
    try:
        # The umask can be read only by setting it, which would affect other threads.
        with open(beside, "xb"):
            os.chmod(path, os.stat(beside).st_mode & 0o777)
    finally:
        remove(beside)


def remove_incomplete(folder: str) -> None:
    """Remove the half-written files of a killed run from a folder. No other run may be writing to the folder."""
    for name in list_folder(folder):
        if name.endswith(TEMPORARY_SUFFIX):
            remove(join(folder, name))


def sha256(path: str) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
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
