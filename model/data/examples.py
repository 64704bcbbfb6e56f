"""The examples of a run: what streams, and what is kept for validation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from c4pipe.errors import UserError
from c4pipe.shards import files, manifest
from c4pipe.shards.stream.example_sources import held_out, open_source, read_examples
from c4pipe.shards.stream.stream import Source
from c4pipe.vocabulary.vocabulary import Vocabulary


@dataclass(frozen=True)
class ValidationSet:
    """Examples of one source to validate on, the same at every step: inputs (n, S), targets (n, T).

    note: where they are from, for the user.
    """

    name: str
    inputs: np.ndarray
    targets: np.ndarray
    note: str = ""

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class RunExamples:
    """sources: to stream, with what is held out of them. lengths: of the widest source."""

    sources: tuple[Source, ...]
    validation: tuple[ValidationSet, ...]
    vocabulary: Vocabulary
    inputs_length: int
    targets_length: int
    num_examples: int

    def lengths(self) -> dict[str, int]:
        """The longest inputs and targets, in tokens, EOS included, for `run.json`."""
        return {"inputs_length": self.inputs_length, "targets_length": self.targets_length}

    def identity(self) -> list[dict[str, Any]]:
        """What says which examples these are, wherever the folders lie."""
        return [
            {
                "name": files.base_name(source.folder),
                "manifest_sha256": files.sha256(files.join(source.folder, manifest.FILE_NAME)),
                "rate": source.rate,
                "split": source.split,
                "held_out": source.hold_out,
            }
            for source in self.sources
        ]


def gather_examples(sources: Sequence[Source], *, num_validation: int) -> RunExamples:
    """Choose what each source validates on: its validation split if that has `num_validation` examples (a task's: if it
    has any), else its last training examples, which then do not stream (a tenth of them at most).

    Raises: UserError if a folder is not finished, has no examples, or its vocabulary does not fit.
    """
    streaming, validation = [], []
    names = _names(sources)
    for name, source in zip(names, sources, strict=True):
        chosen, kept = _validation_of(name, source, num_validation)
        streaming.append(kept)
        validation.append(chosen)
    opened = [open_source(source) for source in streaming]
    vocabulary = Vocabulary.load(sources[0].folder)
    for one in opened:
        if one.vocabulary_size != vocabulary.size:
            raise UserError(
                f"{one.source.folder} was made for {one.vocabulary_size} ids, the vocabulary of "
                f"{sources[0].folder} has {vocabulary.size}; make the examples again with one vocabulary"
            )
    return RunExamples(
        sources=tuple(streaming),
        validation=tuple(one for one in validation if len(one)),
        vocabulary=vocabulary,
        inputs_length=max(one.inputs_length for one in opened),
        targets_length=max(one.targets_length for one in opened),
        num_examples=sum(one.num_examples for one in opened),
    )


def _validation_of(name: str, source: Source, count: int) -> tuple[ValidationSet, Source]:
    split = source.split.removesuffix("train") + "validation"
    if count == 0:
        empty = np.zeros((0, 1), dtype=np.uint16)
        return ValidationSet(name, empty, empty, "no validation"), source
    there = _split_rows(source, split)
    if there >= count or (there and manifest.read(source.folder).kind == "tasks"):
        inputs, targets = read_examples(replace(source, split=split, rate=1.0), count)
        return ValidationSet(name, inputs, targets, f"the first {len(inputs):,} examples of the {split} split"), source
    num_train = open_source(source).num_examples
    held = min(count, num_train // 10)
    if held == 0:
        raise UserError(
            f"{source.folder} has {num_train} training examples: too few to hold any out for validation; make more, "
            "or use --validation_examples=0"
        )
    kept = replace(source, hold_out=held)
    inputs, targets = held_out(kept)
    note = f"the last {held:,} training examples, held out (the {split} split has {there:,} of the {count:,} wanted)"
    return ValidationSet(name, inputs, targets, note), kept


def _split_rows(source: Source, split: str) -> int:
    held = manifest.read(source.folder)
    names = [split] if split in held.splits else [name for name in held.splits if name.endswith(f"-{split}")]
    return sum(held.num_rows(name) for name in names)


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
        names.append(base if base not in names else f"{base}-{sum(one.split('-')[0] == base for one in names) + 1}")
    return names
