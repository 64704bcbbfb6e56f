"""The same command on a finished folder changes nothing; a folder that holds something else is refused."""

from collections.abc import Mapping, Sequence
from typing import Any

from c4pipe.errors import UserError
from c4pipe.shards import files, manifest


def is_finished(output: str, kind: str, settings: Mapping[str, Any], inputs: Sequence[str], overwrite: bool) -> bool:
    """Whether `output` already holds what this command would make.

    Args:
        kind, settings: what the manifest would say. inputs: the input files; they are compared by base name, and by
            content where the folder they lie in has a manifest that tells it. overwrite: what is there may go.
    Raises: UserError where the folder holds another result, or files that no manifest vouches for.
    """
    if overwrite or not manifest.exists(output):
        return False
    held = manifest.read(output)
    other = _difference(held, kind, settings, inputs)
    if other is None:
        return True
    raise UserError(f"{output} holds another result ({other}); give another --output, or --overwrite to replace it")


def _difference(held: manifest.Manifest, kind: str, settings: Mapping[str, Any], inputs: Sequence[str]) -> str | None:
    if held.kind != kind:
        return f"{held.kind}, not {kind}"
    for name in sorted({*held.settings, *settings}):
        there, asked = held.settings.get(name), settings.get(name)
        if there != asked:
            return f"{name} is {there}, this command asks for {asked}"
    if sorted(one.name for one in held.inputs) != sorted(map(files.base_name, inputs)):
        return "made from other files"
    known = known_digests(inputs)
    if any(known.get(path, one.sha256) != one.sha256 for path, one in _pairs(held, inputs)):
        return "its input files have changed since"
    return None


def _pairs(held: manifest.Manifest, inputs: Sequence[str]) -> list[tuple[str, manifest.Input]]:
    by_name = sorted(inputs, key=files.base_name)
    return list(zip(by_name, sorted(held.inputs, key=lambda one: one.name), strict=True))


def known_digests(paths: Sequence[str]) -> dict[str, str]:
    """SHA-256 of those files whose folder has a manifest that tells it, without reading them."""
    folders = {path[: -len(files.base_name(path))].rstrip("/") or "." for path in paths}
    known: dict[str, str] = {}
    for folder in folders:
        if manifest.exists(folder):
            for shards in manifest.read(folder).splits.values():
                known.update({files.join(folder, shard.file): shard.sha256 for shard in shards})
    return {path: known[path] for path in paths if path in known}


def clear(output: str) -> None:
    """Take away a folder's manifest first, then what it vouched for."""
    if not manifest.exists(output):
        return
    held = manifest.read(output)
    files.remove(files.join(output, manifest.FILE_NAME))
    for shards in held.splits.values():
        for shard in shards:
            files.remove(files.join(output, shard.file))
