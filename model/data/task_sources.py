"""Choosing tasks in folders (`DIR`, `DIR@TASK`, `DIR@TASK:rate`), and their rates in a mixture."""

from collections.abc import Sequence
from dataclasses import replace

from c4pipe.errors import UserError
from c4pipe.shards import manifest
from c4pipe.shards.stream.example_sources import Source, open_source
from c4pipe.shards.stream.stream import parse_sources
from c4pipe.tasks import mixtures
from model.data.mixture_flags import AS_GIVEN, MixtureFlags


def task_sources(text: str, split: str = "train") -> list[Source]:
    """Parse `DIR[@TASK][:rate],...` into sources of a split.

    Raises: UserError if a folder is not finished or lacks the task.
    """
    return [_with_split(source, split) for source in parse_sources(text, split)]


def _with_split(source: Source, split: str) -> Source:
    splits = manifest.read(source.folder).splits
    if source.split in splits or source.split == split:
        return source
    split_of_task = f"{source.split}-{split}"
    if split_of_task not in splits:
        tasks = ", ".join(sorted(name.removesuffix(f"-{split}") for name in splits if name.endswith(f"-{split}")))
        raise UserError(f"{source.folder} has no task {source.split!r} with a {split} split; it has {tasks or 'none'}")
    return replace(source, split=split_of_task)


def each_task(source: Source, split: str = "train") -> list[tuple[str, Source]]:
    """Split a source into (task, source of this task only). A folder without tasks counts as a task of its own."""
    folder_manifest = manifest.read(source.folder)
    if folder_manifest.kind != "tasks":
        return [(source.folder, source)]
    if source.split in folder_manifest.splits:
        return [(source.split.rpartition("-")[0], source)]
    names = sorted(name for name in folder_manifest.splits if name.endswith(f"-{split}"))
    return [
        (name.removesuffix(f"-{split}"), replace(source, split=name))
        for name in names
        if folder_manifest.num_rows(name)
    ]


def mix(sources: Sequence[Source], flags: MixtureFlags) -> list[Source]:
    """Apply the flags of a mixture: one source per task with its rate, or the sources unchanged.

    Raises: UserError if a task to leave out does not exist, or if the settings are out of range.
    """
    left_out = {name for name in flags.leave_out.split(",") if name}
    if flags.mixture == AS_GIVEN and not left_out:
        return list(sources)
    members: dict[str, Source] = {}
    folders: dict[str, list[str]] = {}
    for source in sources:
        for name, member in each_task(source):
            # The same task in two folders counts as two members.
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
        # A folder keeps its rate; its tasks share it in proportion to their sizes.
        rates = {}
        for names in folders.values():
            rest = {name: sizes[name] for name in names if name in sizes}
            rates |= mixtures.proportional(rest) if rest else {}
    return [replace(members[name], rate=members[name].rate * rate) for name, rate in rates.items() if rate > 0]
