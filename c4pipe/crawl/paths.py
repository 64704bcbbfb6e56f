"""Reads the list of a crawl's WET files (`wet.paths.gz`), and names the files that are downloaded from it."""

import gzip
import io
import posixpath
import re
import zlib

from c4pipe.errors import UserError

BASE_URL = "https://data.commoncrawl.org"
_MAX_LIST_BYTES = 200_000_000
_CRAWL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def list_path(crawl: str) -> str:
    """The path of a crawl's list below the base URL.

    >>> list_path("CC-MAIN-2019-18")
    'crawl-data/CC-MAIN-2019-18/wet.paths.gz'

    Raises: UserError if it is not a valid name of a crawl.
    """
    if not _CRAWL_NAME.fullmatch(crawl) or ".." in crawl:
        raise UserError(f"{crawl!r} is not the name of a crawl; names look like CC-MAIN-2019-18")
    return f"crawl-data/{crawl}/wet.paths.gz"


def parse_list(content: bytes, source: str) -> list[str]:
    """The WET paths of a list, which may be plain or gzip.

    Raises: UserError if the list is damaged, or a path in it could leave the output folder.
    """
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(_MAX_LIST_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"{source} is damaged ({error}); fetch it again") from error
    try:
        paths = [line.strip() for line in content.decode("ascii").splitlines()]
    except UnicodeDecodeError as error:
        raise UserError(f"{source} is not a list of paths ({error.reason}); check --base_url and --crawl") from error
    paths = [path for path in paths if path]
    for path in paths:
        file_name(path)
    if not paths:
        raise UserError(f"{source} names no files; check --base_url and --crawl")
    return paths


def file_name(path: str) -> str:
    """The base name for a listed file.

    >>> file_name("crawl-data/CC-MAIN-2019-18/segments/1/wet/CC-MAIN-00000.warc.wet.gz")
    'CC-MAIN-00000.warc.wet.gz'

    Raises: UserError if the path is absolute, has `..` in it, or is a hidden file: lists come from the network.
    """
    parts = path.split("/")
    name = parts[-1]
    climbs = posixpath.isabs(path) or ".." in parts or "\\" in path or "\0" in path or ":" in path or "%" in path
    if climbs or not name or name.startswith(".") or any(ord(character) < 32 for character in path):
        raise UserError(f"the list names {path!r}, which could leave the output folder; nothing was downloaded")
    return name
