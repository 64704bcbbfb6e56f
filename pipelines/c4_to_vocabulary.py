"""Train a SentencePiece vocabulary on C4 text.

    python -m pipelines.c4_to_vocabulary --input=c4/en --output=vocabulary
    python -m pipelines.c4_to_vocabulary --input=c4/en:10,c4/multilingual@de:1,c4/multilingual@fr:1 --output=vocabulary

SOURCE is a folder made by wet_to_c4 (its train split), folder@split, or a glob of text shards; the number after the
colon is its weight.
"""

import argparse
import contextlib
import hashlib
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import apache_beam as beam

from c4pipe.command_line import Parser, run
from c4pipe.errors import UserError
from c4pipe.folders.kinds import KINDS, QUARANTINE
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.results import ManifestResult, known_digests, same_files
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.report.vocabulary_page import vocabulary_page
from c4pipe.shards import files
from c4pipe.shards.manifest import Input, Manifest
from c4pipe.shards.reading import plain_text
from c4pipe.shards.reading.source_names import parse_source_names
from c4pipe.shards.reading.text_sources import resolve_source
from c4pipe.stages.sample_pages import (
    Plan,
    SamplePages,
    SourceShard,
    read_bad_rows,
    read_digests,
    read_plan,
    read_sample,
)
from c4pipe.vocabulary.hugging_face import tokenizer_files
from c4pipe.vocabulary.training import TrainingOptions, pieces_file, train
from c4pipe.vocabulary.vocabulary import DEFAULT_NUM_EXTRA_IDS, MODEL_FILE, PIECES_FILE, Vocabulary
from pipelines.launch import beam_options, quarantine, report_page
from pipelines.launch.progress import Progress

WORK_FOLDER = ".work"
DEFAULT_SAMPLE_BYTES = 200_000_000
# For the estimate of --dry_run.
_TRAINING_BYTES_A_SECOND = 1e6


@dataclass(frozen=True)
class WeightedSource:
    """Text shards with their weight. name: the last part of the source as it was given, for manifest and report."""

    name: str
    weight: float
    paths: tuple[str, ...]


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.c4_to_vocabulary", description=__doc__)
    parser.add_argument("--input", required=True, help="SOURCE[:weight][,SOURCE:weight]")
    parser.add_argument("--output", required=True, help="folder for the vocabulary")
    parser.add_argument("--num_pieces", type=int, default=32_000, help="with pad, EOS and unk, without the extra ids")
    parser.add_argument("--num_extra_ids", type=int, default=DEFAULT_NUM_EXTRA_IDS, help="sentinels above the pieces")
    parser.add_argument(
        "--sample_bytes",
        type=int,
        default=DEFAULT_SAMPLE_BYTES,
        help="text to train on; takes some 20 times the memory",
    )
    parser.add_argument("--character_coverage", type=float, default=0.9995, help="share of characters with a piece")
    parser.add_argument("--byte_fallback", action="store_true", help="spell unknown characters in bytes")
    parser.add_argument("--split_digits", action="store_true", help="make each digit a piece of its own")
    parser.add_argument("--compare_vocabulary", help="another vocabulary, to show beside this one in the report")
    parser.add_argument(
        "--page_per",
        default=plain_text.LINE,
        choices=plain_text.PAGE_PER,
        help="what a page of plain text (.txt) is: each line, or the whole file",
    )
    quarantine.add_flag(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace what the output folder holds")
    parser.add_argument("--dry_run", action="store_true", help="say what would be made, with an estimate")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    started = time.monotonic()
    flags, options = beam_options.parse(parser(), argv)
    training = TrainingOptions(flags.num_pieces, flags.character_coverage, flags.byte_fallback, flags.split_digits)
    training.check()
    quarantine.check_flag(flags)
    if flags.sample_bytes < 1:
        raise UserError(f"--sample_bytes={flags.sample_bytes}: give 1 or more")
    if flags.num_extra_ids < 0:
        raise UserError(f"--num_extra_ids={flags.num_extra_ids}: give 0 or more")
    other = Vocabulary.load(flags.compare_vocabulary) if flags.compare_vocabulary else None
    sources = parse_sources(flags.input)
    paths = [path for source in sources for path in source.paths]
    settings = _settings(flags, sources)
    work = WorkFolder(files.join(flags.output, WORK_FOLDER))
    folder = OutputFolder(flags.output, _result(settings, paths), overwrite=flags.overwrite, work=work)
    if flags.dry_run:
        print(folder.outlook(lambda: _estimate(sources, flags)))
        return 0
    if folder.is_finished():
        return folder.nothing_to_do()
    beam_options.refuse_local_paths(options, output=flags.output)
    with folder.opened():
        # What is sampled in part cannot be gone on with, so nothing of it stays where this ends early.
        with contextlib.ExitStack() as cleared:
            cleared.callback(work.remove)
            plan, samples, digests = _sample(sources, flags, options)
            model = train((text for texts in samples.values() for text in texts), training)
        vocabulary = Vocabulary(model, flags.num_extra_ids)
        shares = _shares(sources, plan, samples)
        named = (os.path.basename(flags.compare_vocabulary.rstrip("/")), other) if other else None
        by_name = {source.name: samples[number] for number, source in enumerate(sources)}
        report_page.write(flags.output, lambda: vocabulary_page(vocabulary, by_name, shares, settings, named))
        contents = {MODEL_FILE: model, PIECES_FILE: pieces_file(model), **tokenizer_files(vocabulary)}
        for name, content in contents.items():
            files.write_bytes(folder.file(name), content)
        folder.commit_manifest(_manifest(digests, settings, shares, contents))
    taken = sum(share[4] for share in shares)
    print(
        f"wrote a vocabulary of {vocabulary.num_pieces:,} pieces and {vocabulary.num_extra_ids} extra ids, trained on "
        f"{taken:,} bytes, to {flags.output} in {time.monotonic() - started:.1f} s; next: python -m "
        f"pipelines.c4_to_examples --input={_without_weights(flags.input)} --vocabulary={flags.output} "
        f"--output=EXAMPLES"
    )
    return 0


def _result(settings: dict, paths: Sequence[str]) -> ManifestResult:
    return ManifestResult(
        command="c4_to_vocabulary",
        kind="vocabulary",
        settings=settings,
        names=KINDS["vocabulary"].names,
        inputs=same_files(paths),
        identity=sorted(map(files.base_name, paths)),
    )


def parse_sources(text: str) -> list[WeightedSource]:
    """Sources with their weights, 1 where none is given.

    Raises: UserError where a source is not there, is named twice, or its weight is no positive number.
    """
    sources = [
        WeightedSource(_short_name(source.place), source.weight, tuple(resolve_source(source)))
        for source in parse_source_names(text)
    ]
    names = [source.name for source in sources]
    return [
        source if names.count(source.name) == 1 else WeightedSource(f"{source.name} ({number + 1})", *_rest(source))
        for number, source in enumerate(sources)
    ]


def _rest(source: WeightedSource) -> tuple[float, tuple[str, ...]]:
    return source.weight, source.paths


def _without_weights(text: str) -> str:
    """
    >>> _without_weights("c4/en:10,c4/multilingual@de:1")
    'c4/en,c4/multilingual@de'
    """
    return ",".join(source.place.replace(",", "\\,") for source in parse_source_names(text))


def _short_name(source: str) -> str:
    """
    >>> _short_name("/data/c4/en/"), _short_name("c4/multilingual@de")
    ('en', 'multilingual@de')
    """
    return files.base_name(source)


def _settings(flags: argparse.Namespace, sources: Sequence[WeightedSource]) -> dict:
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


def _sample(
    sources: Sequence[WeightedSource], flags: argparse.Namespace, options
) -> tuple[Plan, dict[int, list[str]], list[Input]]:
    """The plan, the sampled texts by source, and the text shards as they were read."""
    work = files.join(flags.output, WORK_FOLDER)
    known = known_digests([path for source in sources for path in source.paths])
    shards = [
        SourceShard(number, index, path, flags.page_per, known.get(path))
        for number, source in enumerate(sources)
        for index, path in enumerate(source.paths)
    ]
    weights = [source.weight for source in sources]

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | "Text shards" >> beam.Create(shards)
            | "Spread" >> beam.Reshuffle()
            | "Sample" >> SamplePages(weights, flags.sample_bytes, work)
        )

    def look() -> tuple[int, int, str]:
        done = sum(name.startswith("sample-") for name in files.list_folder(work))
        return done, len(shards), f"sampled {done} of {len(shards)} text shards"

    with Progress("sample", look):
        beam_options.run(build, options)
    _check_rows(shards, work, flags)
    samples = dict(read_sample(shards, work))
    plan = read_plan(work)
    for number, source in enumerate(sources):
        if not plan.available_bytes[number]:
            raise UserError(f"the source {source.name} has no text; leave it out or give other shards")
        if plan.available_bytes[number] < 0.98 * plan.budget_bytes[number]:
            print(
                f"notice: {source.name} has {plan.available_bytes[number]:,} bytes, its weight asks for "
                f"{plan.budget_bytes[number]:,}; all of it is taken",
                file=sys.stderr,
            )
    print(f"training on {sum(len(texts) for texts in samples.values()):,} pages", file=sys.stderr)
    names = [files.base_name(shard.path) for shard in shards]
    return plan, samples, [Input(*pair) for pair in zip(names, read_digests(shards, work), strict=True)]


def _check_rows(shards: Sequence[SourceShard], work: str, flags: argparse.Namespace) -> None:
    """Write the quarantine, and say what is in it. Raises: UserError where it is too much."""
    num_rows, bad = read_bad_rows(shards, work)
    quarantine.write_if_any(flags.output, bad)
    if not bad:
        return
    counters = Counter(f"{quarantine.PREFIX}{row['reason']}" for row in bad)
    quarantine.check(flags.output, counters, num_rows, flags.max_quarantined_fraction)
    print(
        f"notice: {len(bad):,} of {num_rows:,} rows are not pages ({quarantine.reasons(counters)}); "
        f"{files.join(flags.output, QUARANTINE)} lists them",
        file=sys.stderr,
    )


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
    inputs: Sequence[Input],
    settings: dict,
    shares: Sequence[tuple[str, float, int, int, int]],
    contents: Mapping[str, bytes],
) -> Manifest:
    names = ("name", "weight", "available_bytes", "asked_bytes", "taken_bytes")
    return Manifest(
        kind="vocabulary",
        splits={},
        settings=settings,
        inputs=tuple(inputs),
        assets={name: hashlib.sha256(content).hexdigest() for name, content in sorted(contents.items())},
        statistics={"sources": [dict(zip(names, share, strict=True)) for share in shares]},
    )


def _estimate(sources: Sequence[WeightedSource], flags: argparse.Namespace) -> str:
    packed = sum(files.size(path) for source in sources for path in source.paths)
    seconds = min(flags.sample_bytes, 2.5 * packed) / _TRAINING_BYTES_A_SECOND
    num_shards = sum(len(source.paths) for source in sources)
    return (
        f"would train {flags.num_pieces:,} pieces into {flags.output} on at most {flags.sample_bytes:,} bytes of "
        f"{len(sources)} sources ({num_shards} shards, {packed:,} bytes packed): about {seconds:,.0f} s of training"
    )


if __name__ == "__main__":
    run(main)
