"""The examples of a run: those for training, and those for validation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from c4pipe.errors import UserError
from c4pipe.shards import files, manifest
from c4pipe.shards.stream.example_sources import Rows, held_out, open_source, read_examples
from c4pipe.shards.stream.stream import Source
from c4pipe.vocabulary.vocabulary import Vocabulary


@dataclass(frozen=True)
class ValidationSet:
    """Examples of a source for validation, the same at every step: inputs (n, S), targets (n, T).

    note: says to the user which examples these are.
    """

    name: str
    inputs: np.ndarray
    targets: np.ndarray
    note: str = ""

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class RunExamples:
    """sources: for training, without the examples that are held out. inputs_length, targets_length: the largest of all
    sources."""

    sources: tuple[Source, ...]
    validation: tuple[ValidationSet, ...]
    vocabulary: Vocabulary
    inputs_length: int
    targets_length: int
    num_examples: int

    def lengths(self) -> dict[str, int]:
        """Lengths of the longest inputs and targets, in tokens with EOS, for `run.json`."""
        return {"inputs_length": self.inputs_length, "targets_length": self.targets_length}

    def identity(self) -> list[dict[str, Any]]:
        """What identifies the examples, independently of where their folders are."""
        return [
            {
                "name": files.base_name(source.folder),
                "manifest_sha256": files.sha256(files.join(source.folder, manifest.FILE_NAME)),
                "rate": source.rate,
                "split": source.split,
                "held_out": source.hold_out,
                "max_examples": source.max_examples,
            }
            for source in self.sources
        ]


def gather_examples(sources: Sequence[Source], *, num_validation: int, max_examples: int | None = None) -> RunExamples:
    """Choose the validation examples of each source.

    max_examples: use only so many examples of each source for training, from the first.

    The validation examples are from the validation split if it has `num_validation` examples (for a task: if it has
    any). Otherwise they are the last training examples, at most a tenth of them, which are then not used for training.

    Raises: UserError if a folder is not finished, has no examples, or if its vocabulary does not fit.
    """
    streaming, validation = [], []
    names = _names(sources)
    for name, source in zip(names, sources, strict=True):
        chosen, kept = _validation_of(name, source, num_validation)
        streaming.append(replace(kept, max_examples=max_examples))
        validation += chosen
    opened = [open_source(source) for source in streaming]
    vocabulary = Vocabulary.load(sources[0].folder)
    for made in opened:
        if made.vocabulary_size != vocabulary.size:
            raise UserError(
                f"{made.source.folder} was made for {made.vocabulary_size} ids, but the vocabulary of "
                f"{sources[0].folder} has {vocabulary.size}; make all examples with the same vocabulary"
            )
    return RunExamples(
        sources=tuple(streaming),
        validation=tuple(validation),
        vocabulary=vocabulary,
        inputs_length=max(made.inputs_length for made in opened),
        targets_length=max(made.targets_length for made in opened),
        num_examples=sum(made.num_examples for made in opened),
    )


def _validation_of(name: str, source: Source, count: int) -> tuple[list[ValidationSet], Source]:
    split = source.split.removesuffix("train") + "validation"
    if count == 0:
        return [], source
    opened = open_source(source)
    available = _split_rows(source, split)
    if available >= count or (available and manifest.read(source.folder).kind == "tasks"):
        rows = read_examples(replace(source, split=split, rate=1.0), count)
        note = f"the first {len(rows.inputs):,} examples of the {split} split"
        return _by_denoiser(name, opened.denoisers, rows, note), source
    num_train = opened.num_examples
    num_held_out = min(count, num_train // 10)
    if num_held_out == 0:
        raise UserError(
            f"{source.folder} has {num_train} training examples: too few to hold any out for validation; make more, "
            "or use --validation_examples=0"
        )
    kept = replace(source, hold_out=num_held_out)
    note = (
        f"the last {num_held_out:,} training examples, held out (the {split} split has {available:,} of the {count:,} "
        "wanted)"
    )
    return _by_denoiser(name, opened.denoisers, held_out(kept), note), kept


def _by_denoiser(name: str, denoisers: Sequence[str], rows: Rows, note: str) -> list[ValidationSet]:
    """One set; for examples of a mixture, a set for each denoiser, so that each has its own loss."""
    if rows.denoisers is None:
        return [ValidationSet(name, rows.inputs, rows.targets, note)]
    sets = []
    for number, denoiser in enumerate(denoisers):
        own = rows.denoisers == number
        of_denoiser = f"{np.count_nonzero(own):,} by {denoiser} of {note}"
        sets.append(ValidationSet(f"{name}/{denoiser}", rows.inputs[own], rows.targets[own], of_denoiser))
    return [validation_set for validation_set in sets if len(validation_set)]


def _split_rows(source: Source, split: str) -> int:
    folder_manifest = manifest.read(source.folder)
    names = (
        [split]
        if split in folder_manifest.splits
        else [name for name in folder_manifest.splits if name.endswith(f"-{split}")]
    )
    return sum(folder_manifest.num_rows(name) for name in names)


def _names(sources: Sequence[Source]) -> list[str]:
    """Short names that tell the sources apart.

    >>> _names([Source("a/en"), Source("b/de")]), _names([Source("a/en"), Source("b/en")])
    (['en', 'de'], ['en', 'en-2'])
    >>> _names([Source("c4"), Source("tasks", split="sst2-train")])
    ['c4', 'tasks@sst2']
    """
    names: list[str] = []
    for source in sources:
        task = source.split.removesuffix("train").removesuffix("-")
        base = files.base_name(source.folder) + (f"@{task}" if task else "")
        names.append(base if base not in names else f"{base}-{sum(other.split('-')[0] == base for other in names) + 1}")
    return names
