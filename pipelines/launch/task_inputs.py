"""The inputs of tasks_to_examples: files and data sets, with the split of each."""

import hashlib
import sys
from collections import Counter
from dataclasses import replace

from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shards.reading import data_set_folders, kinds
from c4pipe.shards.reading.source_names import DATA_SET, SourceName, no_weights, parse_source_names
from c4pipe.shards.reading.split_names import TRAIN, VALIDATION, splits_of_files
from c4pipe.stages.write_task_examples import TaskFile


def task_files(text: str) -> list[TaskFile]:
    """The inputs that a flag names, ordered by base name and then by content, so that their folders do not matter.

    The split of a file is the part after `@`, otherwise it is derived from the file's name. The name `train` counts
    only if another file is named for validation. Otherwise a tenth of the file is used for validation, as for a file
    whose name says nothing.

    Raises: UserError if a source matches nothing, is of an unknown kind, or has a weight.
    """
    sources = no_weights(parse_source_names(text), "give weights to model.finetune instead, as in --tasks=A:2,B:1")
    found = [task_file for source in sources for task_file in _files_of(source)]
    has_given_splits = any(source.split is not None for source in sources)
    if not any(file.split and file.split.startswith(VALIDATION) for file in found):
        found = [replace(file, split=None) if file.split == TRAIN and not has_given_splits else file for file in found]
    counts = Counter(file.split for file in found if file.split and not file.path.startswith(DATA_SET))
    if counts and not has_given_splits:
        splits = ", ".join(f"{count} for {split}" for split, count in sorted(counts.items()))
        print(
            f"notice: the names of the {len(found)} files say the splits: {splits} (FILE@SPLIT says otherwise)",
            file=sys.stderr,
        )
    return sorted(found, key=lambda file: (file.name, file.sha256, file.split or ""))


def _files_of(source: SourceName) -> list[TaskFile]:
    if source.path.startswith(DATA_SET):
        return [TaskFile(source.path, source.place, _digest(source.place), source.split)]
    if data_set_folders.is_data_set(source.path):
        paths = [path for of_split in data_set_folders.splits_of(source.path).values() for path in of_split]
        digest = _digest(" ".join(map(files.sha256, paths)))
        name = files.base_name(source.place)
        return [TaskFile(DATA_SET + source.path, name, digest, source.split)]
    found = []
    paths = files.expand(source.path)
    for path, split in zip(paths, splits_of_files(paths), strict=True):
        if kinds.kind_of(path) is None:
            raise UserError(f"{path}: task files end in one of {kinds.IN_WORDS}; give a glob that matches those")
        name = files.base_name(path)
        found.append(TaskFile(path, name, files.sha256(path), source.split or split))
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
