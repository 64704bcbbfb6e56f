"""The origin of the examples of a batch: folder, shard, row, and the URLs of their pages if these are available."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from c4pipe.errors import UserError
from c4pipe.shards import files, manifest
from c4pipe.shards.digests import ReadDigest
from c4pipe.shards.example_shards import ExampleShard
from c4pipe.shards.stream.stream import Batch, Stream
from c4pipe.shards.text_shards import read_text_shard


def describe_batch(stream: Stream, position: int, text: str | None = None) -> list[dict[str, Any]]:
    """One record per example of the batch at a position of a stream of one rank.

    text: the folder of the text shards that the examples were made from. Without it, a folder next to the examples'
    folder is used if its manifest lists these shards. If there is none, the records have text shard and rows, but no
    URLs.
    """
    batches = stream.batches(position)
    try:
        batch: Batch = next(batches)
    finally:
        close = getattr(batches, "close", None)
        if close is not None:
            close()
    records = [_locate(stream, int(source), int(number)) for source, number in _pairs(batch.source, batch.example_id)]
    for opened in stream.sources:
        folder = text or _text_beside(opened.source.folder)
        if folder:
            _add_urls([record for record in records if record["folder"] == opened.source.folder], folder)
    return records


def _pairs(sources: np.ndarray, ids: np.ndarray) -> Sequence[tuple[int, int]]:
    return list(zip(sources.tolist(), ids.tolist(), strict=True))


def _locate(stream: Stream, source: int, example_id: int) -> dict[str, Any]:
    opened = stream.sources[source]
    index = int(np.searchsorted(opened.first_ids, example_id, side="right")) - 1
    row = example_id - int(opened.first_ids[index])
    record: dict[str, Any] = {
        "example_id": example_id,
        "folder": opened.source.folder,
        "shard": opened.shards[index].file,
        "row": row,
    }
    try:
        with ExampleShard(opened.path(index)) as shard:
            columns = shard.row(row)
            record["text_shard"] = shard.metadata.get("text_shard")
    except UserError as error:
        return {**record, "error": str(error)}
    record["first_page"], record["num_pages"] = columns["row"], columns["num_pages"]
    if "task" in columns:
        record["task"] = columns["task"]
    return record


def _text_beside(examples: str) -> str | None:
    """A folder next to the examples' folder whose manifest lists the text shards of the examples' manifest."""
    wanted = {shard.sha256 for shard in manifest.read(examples).inputs}
    parent = examples.rstrip("/").rpartition("/")[0] or "."
    for name in files.list_folder(parent) if wanted else ():
        folder = files.join(parent, name)
        try:
            folder_manifest = manifest.read(folder) if manifest.exists(folder) else None
        except UserError:
            continue
        if (
            folder_manifest
            and folder_manifest.kind == "c4"
            and wanted <= {shard.sha256 for shards in folder_manifest.splits.values() for shard in shards}
        ):
            return folder
    return None


def _add_urls(records: list[dict[str, Any]], folder: str) -> None:
    """Add `urls` to the records whose text shards are in the folder; if one cannot be read, `no_urls` says why."""
    by_shard: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        if record.get("text_shard"):
            by_shard.setdefault(files.join(folder, record["text_shard"]), []).append(record)
    for path, of_shard in by_shard.items():
        try:
            digest = ReadDigest(manifest.known_digests([path]).get(path))
            pages = read_text_shard(path, columns=("url",), on_bad=lambda fault: None, digest=digest)
            urls = [page.get("url") for page in pages]
        except UserError as error:
            for record in of_shard:
                record["no_urls"] = str(error)
            continue
        for record in of_shard:
            first = record["first_page"]
            record["urls"] = urls[first : first + record["num_pages"]]
