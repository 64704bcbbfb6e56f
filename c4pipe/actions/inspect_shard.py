"""The action of `inspect_shard`."""

import argparse
import textwrap
from collections.abc import Iterator
from typing import Any

from c4pipe.errors import UserError
from c4pipe.objectives.described import described
from c4pipe.report.shard_summary import summarise_examples, summarise_text
from c4pipe.shards import files, manifest
from c4pipe.shards.digests import sha256_of
from c4pipe.shards.example_shards import ExampleShard
from c4pipe.shards.origins import Origin, find_text_shard, origins_of
from c4pipe.shown import visible
from c4pipe.vocabulary.vocabulary import Vocabulary

WIDTH = 120


def perform(flags: argparse.Namespace) -> int:
    """Run the command with these flags. Returns: the exit status."""
    if flags.dry_run:
        print(f"would read {flags.shard} ({files.size(flags.shard):,} bytes) and write nothing")
        return 0
    if flags.shard.endswith(".arrow"):
        lines = _example(flags) if flags.row is not None else _examples(flags)
    else:
        lines = _page(flags.shard, flags.row) if flags.row is not None else summarise_text(flags.shard)
    for line in lines:
        print(visible(line))
    return 0


def _examples(flags: Any) -> Iterator[str]:
    _check(flags.shard)
    with ExampleShard(flags.shard) as shard:
        settings = _settings(flags.shard)
        yield from summarise_examples(shard, settings, _vocabulary(flags, settings))


def _example(flags: Any) -> Iterator[str]:
    _check(flags.shard)
    settings = _settings(flags.shard)
    vocabulary = _vocabulary(flags, settings)
    with ExampleShard(flags.shard) as shard:
        rows = shard.num_rows
        if flags.row >= rows:
            raise UserError(f"{flags.shard} has no row {flags.row}; it has {rows:,}, counted from 0")
        example, metadata = shard.row(flags.row), shard.metadata
    yield f"example {flags.row} of {files.base_name(flags.shard)} ({rows:,} examples)"
    if "denoiser" in example:
        yield from _paragraph("denoiser", metadata["denoisers"].split(",")[example["denoiser"]])
    for name in ("inputs", "targets"):
        yield from _paragraph(f"{name} ({len(example[name])} tokens)", vocabulary.decode(example[name]))
    if "task" in example:
        yield from _task(example, metadata)
        return
    if "objective" in settings:
        made_by = described(settings)[example.get("denoiser", 0)]
        tokens = made_by.restored(example["inputs"], example["targets"], vocabulary.size)
        if tokens is None:
            name = made_by.objective.name
            yield from _paragraph("restored text", f"{name} does not keep the places of its tokens; see the page")
        else:
            yield from _paragraph(f"restored text ({len(tokens)} tokens)", vocabulary.decode(tokens))
    yield from _origin(flags, example, metadata)


def _task(example: dict[str, Any], metadata: dict[str, str]) -> Iterator[str]:
    yield from _paragraph("task", example["task"])
    yield from _paragraph("references", " | ".join(example["references"]))
    yield from _paragraph("from", f"record {example['row']} of {metadata.get('task_file', 'an unknown file')}")


def _origin(flags: Any, example: dict[str, Any], metadata: dict[str, str]) -> Iterator[str]:
    name = metadata.get("text_shard", "")
    first, count = example["row"], example["num_pages"]
    place = f"{name}, row {first}, token {example['token_offset']}; {count} page{'s' if count != 1 else ''}"
    yield from _paragraph("from", place)
    path = find_text_shard(_folder(flags.shard), name, flags.c4) if name else None
    if path is None:
        yield f"  {name or 'its text shard'} was not found; name its folder with --c4 to see the URLs"
        return
    for origin in origins_of(path, first, count):
        yield f"  {_place(origin)}"


def _page(path: str, row: int) -> Iterator[str]:
    try:
        (origin,) = origins_of(path, row, 1)
    except UserError as error:
        raise UserError(f"{path} has no row {row}, or cannot be read ({error})") from error
    yield f"page {row} of {files.base_name(path)}"
    yield f"  {_place(origin)}"
    yield from _paragraph(f"text ({len(origin.text):,} characters)", origin.text)


def _place(origin: Origin) -> str:
    known = origin.wet_file is not None
    record = f"record {origin.record} of {origin.wet_file}" if known else "WET record not known"
    return f"row {origin.row}: {origin.url or 'no URL'} ({origin.timestamp or 'no timestamp'}), {record}"


def _paragraph(title: str, text: str) -> Iterator[str]:
    yield f"{title}:"
    for line in text.splitlines() or [""]:
        yield from textwrap.wrap(line, WIDTH, initial_indent="  ", subsequent_indent="  ") or [""]


def _folder(path: str) -> str:
    return files.folder_of(path)


def _check(path: str) -> None:
    """Raises: UserError if the shard differs from the manifest of its folder."""
    sha256_of(path, manifest.known_digests([path]).get(path))


def _settings(path: str) -> dict[str, Any]:
    folder = _folder(path)
    return dict(manifest.read(folder).settings) if manifest.exists(folder) else {}


def _vocabulary(flags: Any, settings: dict[str, Any]) -> Vocabulary:
    folder = flags.vocabulary or _folder(flags.shard)
    vocabulary = Vocabulary.load(folder, settings.get("num_extra_ids"))
    if vocabulary.size != settings.get("vocabulary_size", vocabulary.size):
        raise UserError(
            f"{folder} has {vocabulary.size} ids, {flags.shard} was made with {settings['vocabulary_size']}; "
            "name its vocabulary with --vocabulary"
        )
    return vocabulary
