"""The job of c4_to_vocabulary: weighted sources and options, and the reports about the vocabulary."""

import hashlib
import heapq
import os
import shlex
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from c4pipe.errors import UserError
from c4pipe.folders.kinds import KINDS, QUARANTINE
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.results import ManifestResult, same_files
from c4pipe.report.vocabulary_page import vocabulary_page
from c4pipe.shards import files
from c4pipe.shards.manifest import Input, Manifest, known_digests
from c4pipe.shards.reading import plain_text
from c4pipe.shards.reading.source_names import parse_source_names
from c4pipe.shards.reading.text_sources import resolve_source
from c4pipe.stages.sample_pages import Plan, SourceShard, page_hash, read_bad_rows, read_digests, read_plan, read_sample
from c4pipe.vocabulary.folders import MODEL_FILE, PIECES_FILE
from c4pipe.vocabulary.hugging_face import tokenizer_files
from c4pipe.vocabulary.training import TrainingOptions, pieces_file, train
from c4pipe.vocabulary.vocabulary import Vocabulary
from pipelines.launch import quarantine, report_page
from pipelines.launch.training_log import TrainingLog

WORK_FOLDER = ".work"


@dataclass(frozen=True)
class WeightedSource:
    """Text shards with their weight. name: for manifest and report, the last part of the source as it was given."""

    name: str
    weight: float
    paths: tuple[str, ...]


@dataclass(frozen=True)
class VocabularyJob:
    """The job that a command line of c4_to_vocabulary describes.

    source: the sources as they were given. compared: another vocabulary for the report, with its name.
    """

    source: str
    output: str
    sources: tuple[WeightedSource, ...]
    training: TrainingOptions
    settings: dict
    num_extra_ids: int
    sample_bytes: int
    page_per: str
    max_quarantined_fraction: float
    compared: tuple[str, Vocabulary] | None

    @property
    def work_dir(self) -> str:
        return files.join(self.output, WORK_FOLDER)

    @property
    def paths(self) -> list[str]:
        return [path for source in self.sources for path in source.paths]

    @cached_property
    def shards(self) -> list[SourceShard]:
        known = known_digests(self.paths)
        return [
            SourceShard(number, index, path, self.page_per, known.get(path))
            for number, source in enumerate(self.sources)
            for index, path in enumerate(source.paths)
        ]

    def result(self) -> ManifestResult:
        """The result that the command writes to its folder."""
        return ManifestResult(
            command="c4_to_vocabulary",
            kind="vocabulary",
            settings=self.settings,
            names=KINDS["vocabulary"].names,
            inputs=same_files(self.paths),
            identity=sorted(map(files.base_name, self.paths)),
        )


def make_job(flags: Namespace) -> VocabularyJob:
    """Make the job from the flags. Raises: UserError for any mistake in them."""
    training = TrainingOptions(flags.num_pieces, flags.character_coverage, flags.byte_fallback, flags.split_digits)
    training.check()
    if flags.sample_bytes < 1:
        raise UserError(f"--sample_bytes={flags.sample_bytes} must be at least 1")
    if flags.num_extra_ids < 0:
        raise UserError(f"--num_extra_ids={flags.num_extra_ids} must not be negative")
    other = flags.compare_vocabulary
    compared = (os.path.basename(other.rstrip("/")), Vocabulary.load(other)) if other else None
    sources = tuple(parse_sources(flags.input))
    return VocabularyJob(
        source=flags.input,
        output=flags.output,
        sources=sources,
        training=training,
        settings=_settings(flags, sources),
        num_extra_ids=flags.num_extra_ids,
        sample_bytes=flags.sample_bytes,
        page_per=flags.page_per,
        max_quarantined_fraction=flags.max_quarantined_fraction,
        compared=compared,
    )


def parse_sources(text: str) -> list[WeightedSource]:
    """Sources with their weights (1 by default), in an order that does not depend on the order in the flag.

    Raises: UserError if a source does not exist or is named twice, or if a weight is not a positive number.
    """
    sources = sorted(
        (
            WeightedSource(files.base_name(source.place), source.weight, tuple(resolve_source(source)))
            for source in parse_source_names(text)
        ),
        key=lambda source: (source.name, source.weight, list(map(files.base_name, source.paths)), source.paths),
    )
    names = [source.name for source in sources]
    return [
        source if names.count(source.name) == 1 else replace(source, name=f"{source.name} ({number + 1})")
        for number, source in enumerate(sources)
    ]


def in_one_order(samples: Iterable[Sequence[str]]) -> Iterator[str]:
    """Merge the texts of all sources, which must each be ordered by hash, into the order of hashes.

    SentencePiece's result depends on the order of its sentences, but must not depend on the order of the sources.
    """
    return heapq.merge(*samples, key=lambda text: (page_hash(text), text))


def _without_weights(text: str) -> str:
    """
    >>> _without_weights("c4/en:10,c4/multilingual@de:1")
    'c4/en,c4/multilingual@de'
    """
    return ",".join(source.place.replace(",", "\\,") for source in parse_source_names(text))


def _settings(flags: Namespace, sources: Sequence[WeightedSource]) -> dict:
    names = ("num_pieces", "num_extra_ids", "sample_bytes", "character_coverage", "byte_fallback", "split_digits")
    page_per = {} if flags.page_per == plain_text.LINE else {"page_per": flags.page_per}
    return (
        {name: getattr(flags, name) for name in names}
        | page_per
        | {
            "model_type": "unigram",
            "normalization": "nmt_nfkc",
            "sources": [[source.name, source.weight, len(source.paths)] for source in sources],
        }
    )


@dataclass(frozen=True)
class Sampled:
    """The plan of the sample, the sampled texts by source number, and the text shards with their digests."""

    plan: Plan
    texts: Mapping[int, Sequence[str]]
    inputs: tuple[Input, ...]


def read_sampled(job: VocabularyJob) -> Sampled:
    """Read the sample that the graph wrote, and print notices about sources with too little text.

    Raises: UserError if a source has no text, or too many rows are not pages.
    """
    _check_rows(job)
    names = [files.base_name(shard.path) for shard in job.shards]
    digests = zip(names, read_digests(job.shards, job.work_dir), strict=True)
    inputs = tuple(Input(name, sha256) for name, sha256 in digests)
    sampled = Sampled(read_plan(job.work_dir), dict(read_sample(job.shards, job.work_dir)), inputs)
    plan = sampled.plan
    for number, source in enumerate(job.sources):
        if not plan.available_bytes[number]:
            raise UserError(f"the source {source.name} has no text; leave it out or give other shards")
        if plan.available_bytes[number] < 0.98 * plan.budget_bytes[number]:
            print(
                f"notice: {source.name} has {plan.available_bytes[number]:,} bytes, but its weight asks for "
                f"{plan.budget_bytes[number]:,}; all of it is used",
                file=sys.stderr,
            )
    print(f"training on {sum(len(texts) for texts in sampled.texts.values()):,} pages", file=sys.stderr)
    return sampled


def _check_rows(job: VocabularyJob) -> None:
    """Write the quarantine, and print what it contains. Raises: UserError if it contains too much."""
    num_rows, bad = read_bad_rows(job.shards, job.work_dir)
    counters = quarantine.write_and_check(job.output, bad, num_rows, job.max_quarantined_fraction)
    if bad:
        print(
            f"notice: {len(bad):,} of {num_rows:,} rows are not pages ({quarantine.reasons(counters)}); "
            f"{files.join(job.output, QUARANTINE)} lists them",
            file=sys.stderr,
        )


def train_on(job: VocabularyJob, sampled: Sampled) -> Vocabulary:
    """Train the vocabulary on the sampled texts."""
    with TrainingLog(job.training.num_pieces):
        model = train(in_one_order(sampled.texts.values()), job.training, logs=True)
    return Vocabulary(model, job.num_extra_ids)


def write_files(job: VocabularyJob, folder: OutputFolder, sampled: Sampled, vocabulary: Vocabulary) -> Manifest:
    """Write the page and the vocabulary's files. Returns: the manifest of the folder."""
    shares = _shares(job.sources, sampled.plan, sampled.texts)
    by_name = {source.name: sampled.texts[number] for number, source in enumerate(job.sources)}
    report_page.write(str(folder), lambda: vocabulary_page(vocabulary, by_name, shares, job.settings, job.compared))
    model = vocabulary.model
    contents = {MODEL_FILE: model, PIECES_FILE: pieces_file(model), **tokenizer_files(vocabulary)}
    for name, content in contents.items():
        files.write_bytes(folder.file(name), content)
    return _manifest(sampled.inputs, job.settings, shares, contents)


def _shares(
    sources: Sequence[WeightedSource], plan: Plan, samples: Mapping[int, Sequence[str]]
) -> list[tuple[str, float, int, int, int]]:
    return [
        (
            source.name,
            source.weight,
            plan.available_bytes[number],
            plan.budget_bytes[number],
            sum(len(text.encode()) for text in samples[number]),
        )
        for number, source in enumerate(sources)
    ]


def _manifest(
    inputs: tuple[Input, ...],
    settings: dict,
    shares: Sequence[tuple[str, float, int, int, int]],
    contents: Mapping[str, bytes],
) -> Manifest:
    names = ("name", "weight", "available_bytes", "asked_bytes", "taken_bytes")
    return Manifest(
        kind="vocabulary",
        splits={},
        settings=settings,
        inputs=inputs,
        assets={name: hashlib.sha256(content).hexdigest() for name, content in sorted(contents.items())},
        statistics={"sources": [dict(zip(names, share, strict=True)) for share in shares]},
    )


def summary(job: VocabularyJob, trained: Vocabulary, made: Manifest, seconds: float) -> str:
    """The last line of the command."""
    taken = sum(source["taken_bytes"] for source in made.statistics["sources"])
    return (
        f"wrote a vocabulary of {trained.num_pieces:,} pieces and {trained.num_extra_ids} extra ids, trained on "
        f"{taken:,} bytes, to {job.output} in {seconds:.1f} s; next: python -m pipelines.c4_to_examples "
        f"--input={shlex.quote(_without_weights(job.source))} --vocabulary={shlex.quote(job.output)} --output=EXAMPLES"
    )
