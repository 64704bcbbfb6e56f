"""Make pre-corrupted example shards of text shards, ready to train on.

    python -m pipelines.c4_to_examples --input=c4/en --vocabulary=vocabulary --output=examples

SOURCE is a folder made by wet_to_c4 (its train and validation splits), folder@split, or a glob of text shards; several
with commas between. One example shard is written for each text shard and replica.
"""

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions

from c4pipe.command_line import Parser, run
from c4pipe.errors import UserError
from c4pipe.folders.kinds import KINDS, QUARANTINE
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.results import ManifestResult, known_digests, same_files
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.objectives.catalog import OBJECTIVES, OVERFLOW_POLICIES, Corruption, Parameters, find
from c4pipe.objectives.pieces import CHUNK_LENGTH
from c4pipe.report.examples_page import examples_page
from c4pipe.shards import files
from c4pipe.shards.manifest import Input, Manifest, Shard
from c4pipe.shards.reading import plain_text
from c4pipe.shards.reading.source_names import no_weights, parse_source_names
from c4pipe.shards.reading.text_sources import find_text
from c4pipe.shown import without_credentials
from c4pipe.stages.make_examples import (
    TRAIN,
    VALIDATION,
    WORK_FOLDER,
    Made,
    MakeExamples,
    Recipe,
    TextShard,
    find_made,
    shard_names,
)
from c4pipe.vocabulary.vocabulary import MODEL_FILE, Vocabulary
from pipelines.launch import beam_options, quarantine, report_page
from pipelines.launch.progress import Progress

# For the estimate of --dry_run: what English C4 in gzip gives, and one core encodes.
_TOKENS_A_PACKED_BYTE = 0.53
_BYTES_A_TOKEN = 1.6
_TOKENS_A_CORE_SECOND = 4e6
# A worker process takes 2.5 s of a core to start. Below this much work threads are faster: most of it is SentencePiece,
# which lets other threads run.
_LEAST_SECONDS_FOR_PROCESSES = 20.0


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.c4_to_examples", description=__doc__)
    parser.add_argument("--input", required=True, help="SOURCE: a folder of C4 shards, folder@split, or a glob")
    parser.add_argument("--vocabulary", required=True, help=f"a folder with {MODEL_FILE}, or such a file")
    parser.add_argument("--output", required=True, help="folder for the example shards")
    parser.add_argument("--objective", default="span_corruption", choices=OBJECTIVES, help="what is to be predicted")
    parser.add_argument("--noise_density", type=float, help="share of tokens that is noise; 0.15 where there is noise")
    parser.add_argument("--mean_noise_span_length", type=float, help="tokens; 3.0 for span_corruption")
    parser.add_argument("--inputs_length", type=int, default=512, help="tokens of the inputs with EOS")
    parser.add_argument(
        "--targets_length", type=int, help="tokens of the targets with EOS; by the objective if not given"
    )
    parser.add_argument(
        "--overflow",
        default="parity",
        choices=OVERFLOW_POLICIES,
        help="more spans than extra ids: run into real pieces as the reference does, or stop",
    )
    parser.add_argument("--num_extra_ids", type=int, help="sentinels of the vocabulary, where its folder does not tell")
    parser.add_argument("--seed", type=int, default=0, help="of the noise")
    parser.add_argument(
        "--replicas", type=int, default=1, help="different corruptions of the same text, for more epochs"
    )
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
    quarantine.check_flag(flags)
    recipe = _recipe(flags)
    shards = text_shards(flags.input, flags.page_per)
    settings = settings_of(recipe, flags.page_per)
    folder = _folder(flags, recipe, settings, shards)
    if flags.dry_run:
        print(folder.outlook(lambda: _estimate(shards, recipe, beam_options.num_workers(options), flags.output)))
        return 0
    if folder.is_finished():
        return folder.nothing_to_do()
    beam_options.refuse_local_paths(options, output=flags.output)
    _spare_processes(options, sys.argv[1:] if argv is None else argv, shards)
    with folder.opened():
        made = _run(shards, recipe, flags.output, options)
        quarantine.write_if_any(str(folder), [row for one in made for row in one.quarantined])
        counts = sum((Counter(one.counts) for one in made), Counter())
        quarantine.check(str(folder), counts, counts["pages"], flags.max_quarantined_fraction)
        files.write_bytes(folder.file(MODEL_FILE), recipe.vocabulary.model)
        held = _manifest(shards, made, recipe, settings)
        report_page.write(str(folder), lambda: examples_page(str(folder), held, made_lengths(made), recipe.vocabulary))
        files.write_bytes(folder.file("report.json"), _report(held, shards))
        folder.commit_manifest(held)
    print(_summary(held, flags.output, time.monotonic() - started))
    return 0


def _folder(flags: argparse.Namespace, recipe: Recipe, settings: dict, shards: Sequence[TextShard]) -> OutputFolder:
    paths = [shard.path for shard in shards]
    result = ManifestResult(
        command="c4_to_examples",
        kind="examples",
        settings=settings,
        names=(*KINDS["examples"].names, *(name for shard in shards for name in shard_names(shard, recipe.replicas))),
        inputs=same_files(paths),
        identity=sorted(map(files.base_name, paths)),
    )
    work = WorkFolder(files.join(flags.output, WORK_FOLDER))
    return OutputFolder(flags.output, result, overwrite=flags.overwrite, work=work)


def _spare_processes(options: PipelineOptions, argv: Sequence[str], shards: Sequence[TextShard]) -> None:
    """Where the runner was not chosen and there is little to do, use threads of this process."""
    if any(flag.startswith(("--runner", "--direct_running_mode")) for flag in argv):
        return
    direct = options.view_as(DirectOptions)
    if direct.direct_running_mode == "multi_processing" and _num_tokens(shards) < (
        _TOKENS_A_CORE_SECOND * _LEAST_SECONDS_FOR_PROCESSES
    ):
        direct.direct_running_mode = "multi_threading"


def _num_tokens(shards: Sequence[TextShard]) -> float:
    """About how many tokens the text shards hold."""
    return sum(files.size(shard.path) for shard in shards) * _TOKENS_A_PACKED_BYTE


def _recipe(flags: argparse.Namespace) -> Recipe:
    if flags.replicas < 1:
        raise UserError(f"--replicas={flags.replicas}: give 1 or more")
    vocabulary = Vocabulary.load(flags.vocabulary, flags.num_extra_ids)
    names = ("noise_density", "mean_noise_span_length", "inputs_length", "targets_length", "overflow")
    parameters = Parameters(**{name: getattr(flags, name) for name in names})
    corruption = find(flags.objective).configure(parameters, vocabulary.size, vocabulary.num_extra_ids)
    return Recipe(corruption, vocabulary, flags.seed, flags.replicas)


def text_shards(text: str, page_per: str = plain_text.LINE) -> list[TextShard]:
    """The text shards of the sources of a flag, with the split that their examples go to.

    A split named `X-validation`, or `validation`, is the validation split of `X`, or of `train`. Asked for by its own
    name (`folder@validation`) it stands alone. Sources without one give train examples only, and that is said.

    Raises: UserError where a source is not there or has a weight.
    """
    sources = no_weights(
        parse_source_names(text), "mix when you train, by model.pretrain --examples=A:2,B:1, with examples of each"
    )
    found = [find_text(source) for source in sources]
    train = [path for of_source in found for path in of_source.train]
    validation = [path for of_source in found for path in of_source.validation]
    if len(sources) > 1:
        # In one order whatever the order of the sources; a file that two of them name is read once.
        train, validation = sorted(set(train)), sorted(set(validation) - set(train))
    if not validation:
        print(f"notice: {text} has no validation split; the examples are train only", file=sys.stderr)
    return _numbered(train, TRAIN, page_per) + _numbered(validation, VALIDATION, page_per)


def _numbered(paths: Sequence[str], split: str, page_per: str) -> list[TextShard]:
    known = known_digests(paths)
    return [TextShard(path, split, index, len(paths), page_per, known.get(path)) for index, path in enumerate(paths)]


def settings_of(recipe: Recipe, page_per: str = plain_text.LINE) -> dict:
    """What decides the bytes of the folder, for its manifest."""
    corruption: Corruption = recipe.corruption
    return ({} if page_per == plain_text.LINE else {"page_per": page_per}) | {
        "objective": corruption.objective.name,
        "noise_density": corruption.parameters.noise_density,
        "mean_noise_span_length": corruption.parameters.mean_noise_span_length,
        "overflow": corruption.parameters.overflow,
        "tokens_length": corruption.lengths.tokens,
        "inputs_length": corruption.lengths.inputs,
        "targets_length": corruption.lengths.targets,
        "num_noise_spans": corruption.lengths.spans,
        "vocabulary_size": recipe.vocabulary.size,
        "num_pieces": recipe.vocabulary.num_pieces,
        "num_extra_ids": recipe.vocabulary.num_extra_ids,
        "vocabulary_sha256": _digest(recipe.vocabulary.model),
        "seed": recipe.seed,
        "replicas": recipe.replicas,
    }


def _run(shards: Sequence[TextShard], recipe: Recipe, output: str, options) -> list[Made]:
    """Run the graph, then read the records it left: (text shards in their order)."""

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | "Text shards" >> beam.Create(shards)
            | "Spread" >> beam.Reshuffle()
            | "Make examples" >> MakeExamples(recipe, output)
        )

    work = files.join(output, WORK_FOLDER)

    def look() -> tuple[int, int, str]:
        done = sum(name.endswith(".json") for name in files.list_folder(work))
        return done, len(shards), f"{done} of {len(shards)} text shards"

    with Progress("examples", look):
        beam_options.run(build, options)
    digest = recipe.digest()
    made = [find_made(output, shard, digest, check_text=False) for shard in shards]
    missing = [shard.path for shard, one in zip(shards, made, strict=True) if one is None]
    if missing:
        raise UserError(
            f"{len(missing)} text shards changed while they were read ({missing[0]}); run the command again"
        )
    return [one for one in made if one is not None]


def _manifest(shards: Sequence[TextShard], made: Sequence[Made], recipe: Recipe, settings: dict) -> Manifest:
    splits: dict[str, list[Shard]] = {TRAIN: [], VALIDATION: []}
    counts: dict[str, dict[str, int]] = {TRAIN: {}, VALIDATION: {}}
    for shard, one in zip(shards, made, strict=True):
        splits[shard.split].extend(one.shards)
        for name, count in one.counts.items():
            counts[shard.split][name] = counts[shard.split].get(name, 0) + count
    return Manifest(
        kind="examples",
        splits={split: tuple(sorted(found, key=lambda one: one.file)) for split, found in splits.items() if found},
        settings=settings,
        inputs=tuple(Input(one.text_shard, one.input_sha256) for one in made),
        assets={MODEL_FILE: _digest(recipe.vocabulary.model)},
        statistics={
            "counts": {split: found for split, found in counts.items() if found},
            "text_shards": {shard.file: one.text_shard for one in made for shard in one.shards},
        },
    )


def _report(held: Manifest, shards: Sequence[TextShard]) -> bytes:
    """`report.json`: the counts, and where the text lay, so that the pages of an example can be found again."""
    folders = sorted({without_credentials(files.folder_of(shard.path)) for shard in shards})
    places = [folder if files.is_remote(folder) else str(Path(folder).absolute()) for folder in folders]
    report = {"counters": held.statistics["counts"], "text_folders": places}
    return (json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def made_lengths(made: Sequence[Made]) -> tuple[list[int], list[int]]:
    """How many examples have inputs and targets of each length, over all shards."""
    inputs = [sum(column) for column in zip(*(one.input_lengths for one in made), strict=True)]
    targets = [sum(column) for column in zip(*(one.target_lengths for one in made), strict=True)]
    return inputs, targets


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _estimate(shards: Sequence[TextShard], recipe: Recipe, num_workers: int, output: str) -> str:
    tokens = _num_tokens(shards)
    seconds = tokens / _TOKENS_A_CORE_SECOND / max(1, min(num_workers, len(shards)))
    examples = tokens * recipe.replicas / recipe.corruption.lengths.tokens
    num_shards = sum(len(shard_names(shard, recipe.replicas)) for shard in shards)
    megabytes = tokens * recipe.replicas * _BYTES_A_TOKEN / 1e6
    return (
        f"would make {num_shards} example shards in {output} from {len(shards)} text shards: about "
        f"{tokens / 1e6:,.1f} M tokens, {examples:,.0f} examples, {megabytes:,.0f} MB, {seconds:,.0f} s on "
        f"{num_workers} workers"
    )


def _summary(held: Manifest, output: str, seconds: float) -> str:
    total = {
        name: sum(found.get(name, 0) for found in held.statistics["counts"].values())
        for name in ("raw_tokens", "examples", "overflowed", "trimmed_inputs", "trimmed_targets")
    }
    odd = "".join(
        f", {count:,} {name.replace('_', ' ')}"
        for name, count in total.items()
        if count and name not in ("raw_tokens", "examples")
    )
    splits = " and ".join(f"{held.num_rows(split):,} {split}" for split in held.splits)
    return (
        f"wrote {splits} examples of {total['raw_tokens']:,} tokens{odd} to {output} in {seconds:.1f} s"
        f"{_left_out(held)}; next: python -m model.pretrain --examples={output} --output=RUN"
    )


def _left_out(held: Manifest) -> str:
    """What did not go into examples, for the last line: chunks of long pages, rows that are not pages."""
    said = ""
    kept = there = 0
    for split, counts in held.statistics["counts"].items():
        kept += counts.get("raw_tokens", 0)
        there += counts.get("text_tokens", 0) * (held.settings["replicas"] if split == TRAIN else 1)
    if kept < there:
        said += (
            f"; {there - kept:,} tokens ({(there - kept) / there:.1%}) are left out, since of a page of more "
            f"than {CHUNK_LENGTH:,} tokens one chunk is taken, as in the reference"
        )
    counters = sum((Counter(counts) for counts in held.statistics["counts"].values()), Counter())
    if reasons := quarantine.reasons(counters):
        said += f"; rows that are not pages, in {QUARANTINE}: {reasons}"
    return said


if __name__ == "__main__":
    run(main)
