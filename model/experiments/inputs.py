"""What a search starts from: corpora, a vocabulary, tasks, and perhaps a checkpoint; each with its digest."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from c4pipe.errors import UserError
from c4pipe.shards import files, manifest
from c4pipe.shards.reading.source_names import parse_source_names
from c4pipe.shards.reading.text_sources import find_text
from c4pipe.shards.stream.example_sources import check_sizes, open_source
from c4pipe.split_names import TRAIN, VALIDATION
from c4pipe.tasks.catalog import find_or_make
from c4pipe.vocabulary.vocabulary import Vocabulary
from model.checkpoints.opening import files_digest
from model.data.task_sources import each_task, task_sources
from model.experiments.plan import C4, PAPER_COLUMNS

# Benchmarks whose tasks are fine-tuned together, as in the paper (section 2.3): GLUE and SuperGLUE are one column each.
_TOGETHER = ("glue", "super_glue")
# The names of corpora in plans -> the variants of C4 that they are.
VARIANTS_OF_CORPORA = {
    C4: "en",
    "unfiltered": "en.noclean",
    "realnewslike": "realnewslike",
    "webtextlike": "webtextlike",
}


@dataclass(frozen=True)
class Corpus:
    """A corpus. source: as `c4_to_examples` takes it. digest: of the names and sizes of its files, or its manifests."""

    source: str
    digest: str
    num_bytes: int


@dataclass(frozen=True)
class Column:
    """A column of the table: a task, or the tasks of a benchmark that are fine-tuned together.

    train, validation: the tasks of these splits, as model.finetune and model.evaluate take them. inputs_length,
    targets_length: the longest of their examples.
    """

    name: str
    tasks: tuple[str, ...]
    train: str
    validation: str
    digest: str
    inputs_length: int
    targets_length: int

    @property
    def title(self) -> str:
        known = PAPER_COLUMNS.get(self.name, self.name.replace("_", " "))
        return f"{known} ({', '.join(self.tasks)})" if self.name in _TOGETHER else known

    @property
    def is_benchmark(self) -> bool:
        return self.name in _TOGETHER


@dataclass(frozen=True)
class Inputs:
    """The inputs of a search. checkpoint: a model to fine-tune; None if the search pre-trains its models.

    vocabulary_folder: as `c4_to_examples` takes it.
    """

    columns: tuple[Column, ...]
    corpora: Mapping[str, Corpus]
    vocabulary: Vocabulary
    vocabulary_folder: str
    checkpoint: str | None = None

    @property
    def checkpoint_digest(self) -> str:
        """Of all files of the checkpoint."""
        return _digest(files_digest(str(self.checkpoint)))


def find_corpora(given: Sequence[str], wanted: Sequence[str]) -> dict[str, Corpus]:
    """The wanted corpora that are given as `SOURCE` (the corpus `c4`) or `NAME=SOURCE`.

    Raises: UserError if a corpus has no files, is given twice, or if no row of the plan uses it.
    """
    sources: dict[str, str] = {}
    for text in given:
        name, equals, source = text.partition("=")
        name, source = (name, source) if equals and name.replace("_", "").isalnum() else (C4, text)
        if name in sources:
            raise UserError(f"--corpus gives {name} twice; give each corpus its own name: --corpus=NAME=SOURCE")
        if name not in wanted and name != C4:
            raise UserError(f"no row of the plan uses the corpus {name}; its rows use {', '.join(wanted)}")
        sources[name] = source
    return {name: _corpus(source) for name, source in sources.items() if name in wanted}


def corpora_in(folder: str, wanted: Sequence[str]) -> list[str]:
    """The corpora of a folder that `wet_to_c4 --variant=en,en.noclean,...` made, as `find_corpora` takes them.

    Raises: UserError if none of the wanted ones is there.
    """
    variants = {name: variant for name, variant in VARIANTS_OF_CORPORA.items() if name in wanted}
    paths = {name: files.join(folder.rstrip("/") or "/", variant) for name, variant in variants.items()}
    found = [f"{name}={escaped(path)}" for name, path in paths.items() if manifest.exists(path)]
    if not found:
        names = ",".join(variants.values())
        raise UserError(
            f"{folder} has none of the corpora {names or 'of the plan'}; python -m pipelines.wet_to_c4 "
            f"--variant={names or 'en'} --output={folder} makes them"
        )
    return found


def _corpus(source: str) -> Corpus:
    parts, num_bytes = [], 0
    for name in parse_source_names(source):
        sizes = {path: files.size(path) for path in find_text(name).asked}
        num_bytes += sum(sizes.values())
        is_ours = manifest.exists(name.path)
        content = files.sha256(files.join(name.path, manifest.FILE_NAME)) if is_ours else None
        parts.append([content or [[files.base_name(path), size] for path, size in sizes.items()], name.split])
    return Corpus(source, _digest(parts), num_bytes)


def find_columns(tasks: str, vocabulary: Vocabulary, *, together: bool) -> tuple[Column, ...]:
    """The columns of the tasks in `DIR[@TASK],...`.

    together: whether the tasks of GLUE, and those of SuperGLUE, are one column; otherwise each task is its own.

    Raises: UserError if a folder lacks a task or a shard or has another vocabulary, or if a task has no validation
    examples or is in two folders.
    """
    for folder in dict.fromkeys(source.folder for source in task_sources(tasks, TRAIN)):
        if Vocabulary.load(folder).model != vocabulary.model:
            raise UserError(
                f"{folder} was made with another vocabulary than the search has; make the tasks again with its "
                "--vocabulary"
            )
    members: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for split in (TRAIN, VALIDATION):
        for source in task_sources(tasks, split):
            for name, member in each_task(source, split):
                check_sizes(open_source(member))  # a missing shard is an error before anything is run
                benchmark = find_or_make(name).benchmark
                column = benchmark if together and benchmark in _TOGETHER else name
                of_split = members.setdefault(column, {}).setdefault(split, [])
                if any(name == other for other, _ in of_split):
                    raise UserError(f"two folders hold the task {name}; give only one of them")
                of_split.append((name, member.folder))
    return tuple(_column(name, of_splits) for name, of_splits in members.items() if TRAIN in of_splits)


def _column(name: str, members: Mapping[str, Sequence[tuple[str, str]]]) -> Column:
    if not members.get(VALIDATION):
        raise UserError(f"{name} has no validation examples for the comparison; make its folder again with some")
    train, validation = (
        ",".join(f"{escaped(folder)}@{task}" for task, folder in members[split]) for split in (TRAIN, VALIDATION)
    )
    folders = sorted({folder for of_split in members.values() for _, folder in of_split})
    made = [manifest.read(folder) for folder in folders]
    digests = sorted(files.sha256(files.join(folder, manifest.FILE_NAME)) for folder in folders)
    tasks = tuple(task for task, _ in members[TRAIN])
    return Column(
        name,
        tasks,
        train,
        validation,
        _digest([digests, tasks, [task for task, _ in members[VALIDATION]]]),
        max(int(folder.settings["inputs_length"]) for folder in made),
        max(int(folder.settings["targets_length"]) for folder in made),
    )


def escaped(path: str) -> str:
    """A path as a part of a list that is separated by commas."""
    return path.replace(",", "\\,")


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
