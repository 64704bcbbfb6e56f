"""Makes example shards from text shards: tokenise, join, cut, corrupt, write. One element is one text shard.

A work folder beside the example shards has one small record per text shard, which tells what was made from it. The
record is written after its shards, so that a stopped run continues with the text shards that have no record.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

import c4pipe
from c4pipe import checked_json
from c4pipe.checked_json import Count, Sha256
from c4pipe.objectives.corrupted import Corrupted
from c4pipe.objectives.mixture import MixedCorruption
from c4pipe.objectives.objective import Corruption
from c4pipe.objectives.pieces import Pages, Pieces, choose_chunks
from c4pipe.objectives.randomness import example_keys, stream_key
from c4pipe.shards import files, names
from c4pipe.shards.digests import ReadDigest
from c4pipe.shards.example_shards import ExampleShardWriter
from c4pipe.shards.manifest import Shard, describe_shard
from c4pipe.shards.reading import plain_text
from c4pipe.shards.reading.record import BadRecord, quarantine_rows
from c4pipe.shards.schemas import ExampleSchema
from c4pipe.shards.text_shards import TextShard, read_text_shard
from c4pipe.vocabulary.vocabulary import Vocabulary

TRAIN, VALIDATION = "train", "validation"
WORK_FOLDER = ".work"
EXAMPLES_PER_BLOCK = 512  # faster than 256 or 1,024, because the block fits into the processor's cache
PAGES_PER_BATCH = 512
# On one core, tokenising takes 190 ns per token, compression 14 ns at level 3 and 9 ns at level 2. Files of level 2 are
# 1% larger (1.55 bytes per token).
COMPRESSION_LEVEL = 2
CHARACTERS_PER_BATCH = 4_000_000


@dataclass(frozen=True)
class Recipe:
    """Everything that determines the bytes of the example shards, except the text."""

    corruption: Corruption | MixedCorruption
    vocabulary: Vocabulary
    seed: int
    replicas: int

    def digest(self) -> str:
        """A digest of the recipe. Equal digests give equal bytes."""
        settled = self.corruption.settings | {
            "num_extra_ids": self.vocabulary.num_extra_ids,
            "vocabulary": self.vocabulary.digest,
            "seed": self.seed,
            "replicas": self.replicas,
            "version": c4pipe.__version__,
        }
        return hashlib.sha256(json.dumps(settled, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Made:
    """The record of what was made from one text shard.

    input_lengths, target_lengths: the number of examples per length (0, 1, ...), including EOS. page_per: as in
    `TextShard`. quarantined: rows of `quarantine.jsonl`, for the shard's rows that are not pages.
    """

    text_shard: str
    input_sha256: Sha256
    recipe: Sha256
    shards: tuple[Shard, ...]
    counts: dict[str, Count]
    input_lengths: list[Count]
    target_lengths: list[Count]
    page_per: str = plain_text.LINE
    quarantined: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class _Tally:
    """The counts of one text shard."""

    corruption: Corruption | MixedCorruption
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = self.corruption.lengths
        self.input_lengths = np.zeros(lengths.inputs + 1, np.int64)
        self.target_lengths = np.zeros(lengths.targets + 1, np.int64)

    def add(self, **counts: int) -> None:
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + count

    def add_bad(self, bad: Sequence[BadRecord]) -> None:
        """Count rows that are not pages. They were read as empty pages, so that the other rows keep their numbers."""
        if bad:
            self.add(empty_pages=-len(bad))
        for fault in bad:
            self.add(**{f"quarantined_{fault.reason}": 1})

    def add_examples(self, made: Corrupted) -> None:
        self.add(examples=len(made.inputs), **made.counts)
        self.add(input_tokens=int(made.input_lengths.sum()), target_tokens=int(made.target_lengths.sum()))
        self.input_lengths += np.bincount(made.input_lengths, minlength=len(self.input_lengths))
        self.target_lengths += np.bincount(made.target_lengths, minlength=len(self.target_lengths))


def make_or_find(shard: TextShard, recipe: Recipe, output: str) -> Made:
    """Make the example shards of a text shard, unless they are there already. Returns: the record of them."""
    return find_made(output, shard, recipe.digest()) or make_examples(shard, recipe, output)


def shard_names(shard: TextShard, replicas: int) -> list[str]:
    """The example shards of one text shard, one per replica: replica r of text shard i of n has number r * n + i.

    Validation has only the first replica, so that its loss is comparable for any number of replicas.
    """
    replicas = replicas if shard.split == TRAIN else 1
    return [
        names.example_shard(shard.split, replica * shard.count + shard.index, shard.count * replicas)
        for replica in range(replicas)
    ]


def find_made(output: str, shard: TextShard, digest: str, *, check_text: bool = True) -> Made | None:
    """The record of a text shard, if it was made by this recipe and its shards are still there; otherwise None.

    check_text: also check that it was made from the shard's present content.
    """
    path = files.join(output, WORK_FOLDER, shard.record_name)
    if not files.exists(path):
        return None
    try:
        made = checked_json.parse(files.read_bytes(path), Made)
    except ValueError:
        return None
    for example_shard in made.shards:
        path = files.join(output, example_shard.file)
        if not files.exists(path) or files.size(path) != example_shard.bytes:
            return None
    is_same = (made.recipe, made.text_shard, made.page_per) == (digest, files.base_name(shard.path), shard.page_per)
    is_same = is_same and shard.sha256 in (None, made.input_sha256)
    return made if is_same and (not check_text or made.input_sha256 == files.sha256(shard.path)) else None


def make_examples(shard: TextShard, recipe: Recipe, output: str) -> Made:
    """Write the example shards of one text shard, then its record."""
    bad: list[BadRecord] = []
    digest = ReadDigest(shard.sha256)
    rows = read_text_shard(shard.path, ("text",), page_per=shard.page_per, on_bad=bad.append, digest=digest)
    texts = (row["text"] for row in rows)
    outputs = shard_names(shard, recipe.replicas)
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                ExampleShardWriter(files.join(output, name), schema_of(recipe, shard, replica), COMPRESSION_LEVEL)
            )
            for replica, name in enumerate(outputs)
        ]
        tally = corrupt_texts(texts, recipe, shard, writers)
    assert digest.sha256 is not None  # because the shard was read to its end
    tally.add_bad(bad)
    name = files.base_name(shard.path)
    made = Made(
        text_shard=name,
        input_sha256=digest.sha256,
        recipe=recipe.digest(),
        shards=tuple(
            describe_shard(output, name, writer.num_rows) for name, writer in zip(outputs, writers, strict=True)
        ),
        counts=tally.counts,
        input_lengths=tally.input_lengths.tolist(),
        target_lengths=tally.target_lengths.tolist(),
        page_per=shard.page_per,
        quarantined=quarantine_rows(name, bad),
    )
    record = json.dumps(asdict(made), sort_keys=True).encode()
    files.make_folder(files.join(output, WORK_FOLDER))
    files.write_bytes(files.join(output, WORK_FOLDER, shard.record_name), record)
    return made


def schema_of(recipe: Recipe, shard: TextShard, replica: int) -> ExampleSchema:
    """The columns of an example shard, and metadata about the origin of its examples."""
    corruption = recipe.corruption
    return ExampleSchema(
        inputs_length=corruption.lengths.inputs,
        targets_length=corruption.lengths.targets,
        vocabulary_size=corruption.vocabulary_size,
        fixed_inputs=corruption.objective.fixed_inputs,
        fixed_targets=corruption.objective.fixed_targets,
        denoisers=corruption.denoiser_names,
        metadata={
            "text_shard": files.base_name(shard.path),
            "text_shard_index": str(shard.index),
            "split": shard.split,
            "replica": str(replica),
        },
    )


def corrupt_texts(
    texts: Iterable[str], recipe: Recipe, shard: TextShard, writers: Sequence[ExampleShardWriter]
) -> _Tally:
    """Write the examples of a text shard's pages and count them. Writer r writes replica r."""
    tally = _Tally(recipe.corruption)
    streams = [stream_key(recipe.seed, replica, shard.split, shard.index) for replica in range(len(writers))]
    copies = [_Replica(recipe.corruption, stream, writer) for stream, writer in zip(streams, writers, strict=True)]
    row = 0
    for batch in _batches(texts):
        tokens, lengths = recipe.vocabulary.encode_flat(batch)
        ids = tokens.astype(recipe.corruption.id_type)
        num_empty = int((lengths == 0).sum())
        num_unknown = int((ids == recipe.vocabulary.unk_id).sum())
        tally.add(pages=len(batch), empty_pages=num_empty, unknown_tokens=num_unknown, text_tokens=len(ids))
        for replica in copies:
            replica.add(choose_chunks(ids, lengths, row, replica.stream), tally)
        row += len(batch)
    for replica in copies:
        replica.end(tally)
    return tally


class _Replica:
    """One replica: corrupts the pages as they come. It keeps pages until a group of them is complete."""

    def __init__(self, corruption: Corruption | MixedCorruption, stream: int, writer: ExampleShardWriter) -> None:
        self.stream = stream
        self._corruption = corruption
        self._writer = writer
        self._waiting: list[Pages] = []
        self._pages_per_group = corruption.objective.pages_per_group
        self._num_examples = 0

    def add(self, pages: Pages, tally: _Tally) -> None:
        self._waiting.append(pages)
        num_waiting = sum(map(len, self._waiting))
        if num_waiting >= self._pages_per_group:
            joined = Pages.join(self._waiting)
            whole = num_waiting - num_waiting % self._pages_per_group
            self._waiting = [joined[whole:]]
            self._write(joined[:whole], tally)

    def end(self, tally: _Tally) -> None:
        if any(map(len, self._waiting)):
            self._write(Pages.join(self._waiting), tally)

    def _write(self, pages: Pages, tally: _Tally) -> None:
        pieces = self._corruption.cut(pages, self.stream, self._num_examples)
        tally.add(raw_tokens=int(pieces.lengths.sum()))
        for block in pieces.blocks(EXAMPLES_PER_BLOCK):
            tally.add_examples(self._corrupt(block))

    def _corrupt(self, block: Pieces) -> Corrupted:
        numbers = np.arange(self._num_examples, self._num_examples + len(block.lengths))
        self._num_examples += len(block.lengths)
        made = self._corruption.corrupt(block, example_keys(self.stream, numbers))
        self._writer.write(
            made.inputs,
            made.targets,
            row=block.rows,
            token_offset=block.offsets,
            num_pages=block.num_pages,
            denoiser=block.denoisers,
        )
        return made


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield batches of texts with a bounded number of texts and of characters."""
    batch: list[str] = []
    num_characters = 0
    for text in texts:
        batch.append(text)
        num_characters += len(text)
        if len(batch) == PAGES_PER_BATCH or num_characters >= CHARACTERS_PER_BATCH:
            yield batch
            batch, num_characters = [], 0
    if batch:
        yield batch
