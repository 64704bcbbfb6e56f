"""Finds the origins of examples and pages: the text shard of an example, the WET record of a page."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from c4pipe import checked_json
from c4pipe.errors import UserError
from c4pipe.shards import files, manifest, provenance
from c4pipe.shards.digests import sha256_of
from c4pipe.shards.text_shards import read_text_shard


@dataclass(frozen=True)
class Origin:
    """A row of a text shard, and the WET record that its page comes from (None if it is not known)."""

    row: int
    url: str | None
    timestamp: str | None
    text: str
    wet_file: str | None = None
    record: int | None = None


@dataclass(frozen=True)
class _Report:
    """What is read back of the report of an example folder."""

    text_folders: tuple[str, ...] = ()


def origins_of(text_shard: str, first_row: int, num_rows: int) -> list[Origin]:
    """The pages of consecutive rows of a text shard, with their WET records if it has a provenance file.

    Raises: UserError if the shard is damaged, differs from its folder's manifest, or does not have these rows.
    """
    sha256_of(text_shard, manifest.known_digests([text_shard]).get(text_shard))
    rows = list(
        islice(_pages(text_shard), first_row, first_row + num_rows),
    )
    if len(rows) < num_rows:
        raise UserError(f"{text_shard} has no row {first_row + num_rows - 1}; it is not the one the examples are from")
    path = provenance.find(text_shard)
    records = None if path is None else provenance.read_provenance(path)
    found = []
    for row, page in enumerate(rows, first_row):
        wet_file, record = records[row] if records and row < len(records) else (None, None)
        found.append(Origin(row, page["url"], page["timestamp"], page["text"], wet_file, record))
    return found


def _pages(text_shard: str) -> Iterator[dict[str, Any]]:
    """Yield all rows. Rows that are not pages come without a text, because examples count them too."""
    return read_text_shard(text_shard, ("url", "timestamp", "text"), on_bad=lambda fault: None)


def find_text_shard(folder: str, name: str, c4: str | None = None) -> str | None:
    """The path of the text shard that examples of a folder were made from, or None if it is not found.

    If `c4` is given, it is looked for only there; otherwise in the folders that the report names, then in the folders
    beside the example folder. A shard of that name counts only if it has the digest in the manifest.

    Raises: UserError if it is not in `c4`.
    """
    made = manifest.read(folder) if manifest.exists(folder) else None
    digests = {entry.sha256 for entry in made.inputs if entry.name == name} if made else set()
    for candidate in [c4] if c4 is not None else _places(folder):
        path = files.join(candidate, name)
        if files.exists(path) and (not digests or _digest(path) in digests):
            return path
    if c4 is not None:
        raise UserError(f"{c4} does not have the {name} that the examples of {folder} were made from; give its folder")
    return None


def _places(folder: str) -> Iterator[str]:
    yield from text_folders(folder)
    if files.is_remote(folder):
        return
    above = Path(folder).absolute().parent
    for place in (above, above.parent):
        for found in sorted(place.glob(f"*/{manifest.FILE_NAME}")):
            yield str(found.parent)


def text_folders(folder: str) -> list[str]:
    """The folders in which the text was when the examples were made, according to the folder's report."""
    report = files.join(folder, "report.json")
    if not files.exists(report):
        return []
    try:
        return list(checked_json.parse(files.read_bytes(report), _Report, may_hold_more=True).text_folders)
    except ValueError:
        return []


def _digest(path: str) -> str:
    return manifest.known_digests([path]).get(path) or files.sha256(path)
