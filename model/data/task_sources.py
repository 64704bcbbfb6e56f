"""Which tasks of which folders: `DIR`, `DIR@TASK`, `DIR@TASK:rate`, and the rates of a mixture of them."""

import argparse
from collections.abc import Sequence
from dataclasses import replace

from c4pipe.errors import UserError
from c4pipe.shards import manifest
from c4pipe.shards.stream.example_sources import Source, open_source
from c4pipe.shards.stream.stream import parse_sources
from c4pipe.tasks import mixtures
from model.data.mixture_flags import AS_GIVEN


def task_sources(text: str, split: str = "train") -> list[Source]:
    """The sources of `DIR[@TASK][:rate],...`, with the split of each.

    Raises: UserError if a folder is not finished or lacks the task.
    """
    return [_with_split(source, split) for source in parse_sources(text, split)]


def _with_split(source: Source, split: str) -> Source:
    held = manifest.read(source.folder)
    if source.split in held.splits or source.split == split:
        return source
    named = f"{source.split}-{split}"
    if named not in held.splits:
        there = ", ".join(sorted(name.removesuffix(f"-{split}") for name in held.splits if name.endswith(f"-{split}")))
        raise UserError(f"{source.folder} has no task {source.split!r} with a {split} split; it has {there or 'none'}")
    return replace(source, split=named)


def each_task(source: Source, split: str = "train") -> list[tuple[str, Source]]:
    """(task, its own source) of every task that a source holds; a folder without tasks is one, by its own name."""
    held = manifest.read(source.folder)
    if held.kind != "tasks":
        return [(source.folder, source)]
    if source.split in held.splits:
        return [(source.split.rpartition("-")[0], source)]
    names = sorted(name for name in held.splits if name.endswith(f"-{split}"))
    return [(name.removesuffix(f"-{split}"), replace(source, split=name)) for name in names if held.num_rows(name)]


def mix(sources: Sequence[Source], flags: argparse.Namespace) -> list[Source]:
    """The sources with a mixture's rates (flags of `mixture_flags`), one for each task unless all is as given.

    Raises: UserError if a task to leave out is not there, or the settings make no sense.
    """
    left_out = {name for name in flags.leave_out.split(",") if name}
    if flags.mixture == AS_GIVEN and not left_out:
        return list(sources)
    members: dict[str, Source] = {}
    folders: dict[str, list[str]] = {}
    for source in sources:
        for name, member in each_task(source):
            # The same task of two folders is two members.
            name = name if name not in members else f"{name} of {source.folder}"
            members[name] = member
            folders.setdefault(source.folder, []).append(name)
    sizes = {name: open_source(member).num_examples for name, member in members.items()}
    if left_out:
        sizes = mixtures.leave_one_out(sizes, left_out)
    if flags.mixture == mixtures.EQUAL:
        rates = mixtures.equal(sizes)
    elif flags.mixture == mixtures.PROPORTIONAL:
        rates = mixtures.proportional(sizes, flags.mixture_limit, flags.mixture_temperature)
    else:
        # A folder keeps its share; its tasks divide it by their sizes.
        rates = {}
        for names in folders.values():
            rest = {name: sizes[name] for name in names if name in sizes}
            rates |= mixtures.proportional(rest) if rest else {}
    return [replace(members[name], rate=members[name].rate * rate) for name, rate in rates.items() if rate > 0]
