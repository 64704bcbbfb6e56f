"""The inputs of tasks_to_examples: files and data sets, and which split each of them is."""

import hashlib
import sys
from collections import Counter
from dataclasses import replace

from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.shards.reading import data_set_folders, kinds
from c4pipe.shards.reading.source_names import DATA_SET, SourceName, no_weights, parse_source_names
from c4pipe.shards.reading.split_names import TRAIN, VALIDATION, split_of_file
from c4pipe.stages.write_task_examples import TaskFile


def task_files(text: str) -> list[TaskFile]:
    """The inputs of a flag in the order of their shards: by base name, then by content, wherever they lie.

    The split of a file is what stands behind its `@`, else what its name tells. A file named `train` is told so only
    where another is named for validation: else a tenth of it validates, as of a file whose name tells nothing.

    Raises: UserError if a source matches nothing, is of an unknown kind, or has a weight.
    """
    sources = no_weights(parse_source_names(text), "mix when you fine-tune, by model.finetune --tasks=A:2,B:1")
    found = [task_file for source in sources for task_file in _files_of(source)]
    asked = {source.path for source in sources if source.split is not None}
    if not any(file.split and file.split.startswith(VALIDATION) for file in found):
        found = [replace(file, split=None) if file.split == TRAIN and not asked else file for file in found]
    told = Counter(file.split for file in found if file.split and not file.path.startswith(DATA_SET))
    if told and not asked:
        splits = ", ".join(f"{count} for {split}" for split, count in sorted(told.items()))
        print(f"notice: by their names, of {len(found)} files are {splits} (FILE@SPLIT tells another)", file=sys.stderr)
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
    for path in files.expand(source.path):
        if kinds.kind_of(path) is None:
            raise UserError(f"{path}: task files end in one of {kinds.IN_WORDS}; give a glob that matches those")
        name = files.base_name(path)
        found.append(TaskFile(path, name, files.sha256(path), source.split or split_of_file(name)))
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
