"""What c4_to_examples works on: the recipe, the text shards with their splits, and what is told of the examples."""

import hashlib
import json
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from c4pipe.errors import UserError
from c4pipe.folders.kinds import KINDS, REPORT
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.results import ManifestResult, same_files
from c4pipe.objectives.catalog import Corruption, Parameters, find
from c4pipe.objectives.pieces import CHUNK_LENGTH
from c4pipe.report.examples_page import examples_page
from c4pipe.shards import files
from c4pipe.shards.manifest import Input, Manifest, Shard, known_digests
from c4pipe.shards.reading import plain_text
from c4pipe.shards.reading.source_names import no_weights, parse_source_names
from c4pipe.shards.reading.text_sources import find_text
from c4pipe.shown import without_credentials
from c4pipe.stages.make_examples import TRAIN, VALIDATION, WORK_FOLDER, Made, Recipe, TextShard, find_made, shard_names
from c4pipe.vocabulary.folders import MODEL_FILE
from c4pipe.vocabulary.vocabulary import Vocabulary
from pipelines.launch import quarantine, report_page

# For the estimate of --dry_run: what English C4 in gzip gives, and one core encodes.
_TOKENS_A_PACKED_BYTE = 0.53
_BYTES_PER_TOKEN = 1.6
_TOKENS_A_CORE_SECOND = 4e6
# A worker process takes 2.5 s of a core to start. Below this much work threads are faster: most of it is SentencePiece,
# which lets other threads run.
_LEAST_SECONDS_FOR_PROCESSES = 20.0


@dataclass(frozen=True)
class ExampleJob:
    """A command line of c4_to_examples, understood."""

    output: str
    recipe: Recipe
    shards: tuple[TextShard, ...]
    page_per: str
    max_quarantined_fraction: float

    @property
    def work_dir(self) -> str:
        return files.join(self.output, WORK_FOLDER)

    @cached_property
    def settings(self) -> dict:
        """What decides the bytes of the folder, for its manifest."""
        return settings_of(self.recipe, self.page_per)

    def result(self) -> ManifestResult:
        """What the command would leave in its folder."""
        paths = [shard.path for shard in self.shards]
        shards = [name for shard in self.shards for name in shard_names(shard, self.recipe.replicas)]
        return ManifestResult(
            command="c4_to_examples",
            kind="examples",
            settings=self.settings,
            names=(*KINDS["examples"].names, *shards),
            inputs=same_files(paths),
            identity=sorted(map(files.base_name, paths)),
        )

    @property
    def is_small(self) -> bool:
        """Whether threads are done before worker processes have started."""
        return _num_tokens(self.shards) < _TOKENS_A_CORE_SECOND * _LEAST_SECONDS_FOR_PROCESSES

    def estimate(self, num_workers: int) -> str:
        """What `--dry_run` says."""
        return _estimate(self.shards, self.recipe, num_workers, self.output)


def make_job(flags: Namespace) -> ExampleJob:
    """Understand the command line. Raises: UserError for whatever is wrong with it."""
    recipe, shards = _recipe(flags), tuple(text_shards(flags.input, flags.page_per))
    return ExampleJob(flags.output, recipe, shards, flags.page_per, flags.max_quarantined_fraction)


def _num_tokens(shards: Sequence[TextShard]) -> float:
    """About how many tokens the text shards hold."""
    return sum(files.size(shard.path) for shard in shards) * _TOKENS_A_PACKED_BYTE


def _recipe(flags: Namespace) -> Recipe:
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

    Raises: UserError if a source is not there or has a weight.
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


def read_made(job: ExampleJob) -> list[Made]:
    """The records that the graph left, by text shard. Raises: UserError if text changed while it was read."""
    digest = job.recipe.digest()
    made = [find_made(job.output, shard, digest, check_text=False) for shard in job.shards]
    missing = [shard.path for shard, record in zip(job.shards, made, strict=True) if record is None]
    if missing:
        raise UserError(
            f"{len(missing)} text shards changed while they were read ({missing[0]}); run the command again"
        )
    return [record for record in made if record is not None]


def write_reports(job: ExampleJob, folder: OutputFolder, made: Sequence[Made]) -> Manifest:
    """Write all but the shards and the manifest; returns that.

    Raises: UserError if too many rows are not pages.
    """
    quarantine.write_if_any(str(folder), [row for record in made for row in record.quarantined])
    counts = sum((Counter(record.counts) for record in made), Counter())
    quarantine.check(str(folder), counts, counts["pages"], job.max_quarantined_fraction)
    vocabulary = job.recipe.vocabulary
    files.write_bytes(folder.file(MODEL_FILE), vocabulary.model)
    told = _manifest(job.shards, made, job.recipe, job.settings)
    report_page.write(str(folder), lambda: examples_page(str(folder), told, made_lengths(made), vocabulary))
    files.write_bytes(folder.file(REPORT), _report(told, job.shards))
    return told


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
    megabytes = tokens * recipe.replicas * _BYTES_PER_TOKEN / 1e6
    return (
        f"would make {num_shards} example shards in {output} from {len(shards)} text shards: about "
        f"{tokens / 1e6:,.1f} M tokens, {examples:,.0f} examples, {megabytes:,.0f} MB, {seconds:,.0f} s on "
        f"{num_workers} workers"
    )


def summary(held: Manifest, output: str, seconds: float) -> str:
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
    return said + quarantine.last_words(counters)
