"""The job of c4_to_examples: the recipe, the text shards with their splits, and the reports about the examples."""

import json
import shlex
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
from c4pipe.objectives import mixture_files
from c4pipe.objectives.mixture import MIXTURE_FILE, Mixture, chosen
from c4pipe.objectives.objective import DEFAULT_MODE_TOKENS, Objective, Parameters
from c4pipe.objectives.pieces import CHUNK_LENGTH
from c4pipe.report.examples_page import examples_page
from c4pipe.shards import files
from c4pipe.shards.manifest import Input, Manifest, Shard, known_digests
from c4pipe.shards.reading import plain_text
from c4pipe.shards.reading.source_names import no_weights, parse_source_names
from c4pipe.shards.reading.text_sources import find_text
from c4pipe.shards.text_shards import TextShard
from c4pipe.shown import without_credentials
from c4pipe.stages.make_examples import TRAIN, VALIDATION, WORK_FOLDER, Made, Recipe, find_made, shard_names
from c4pipe.vocabulary.folders import MODEL_FILE
from c4pipe.vocabulary.vocabulary import Vocabulary
from pipelines.launch import quarantine, report_page

# For the estimate of --dry_run, measured on English C4 in gzip files.
_TOKENS_PER_PACKED_BYTE = 0.53
_BYTES_PER_TOKEN = 1.6
_TOKENS_PER_CORE_SECOND = 4e6
# A worker process needs 2.5 s of CPU time to start. With less work than this, threads are faster: most of the time is
# spent in SentencePiece, which releases the GIL.
_LEAST_SECONDS_FOR_PROCESSES = 20.0


@dataclass(frozen=True)
class ExampleJob:
    """The job that a command line of c4_to_examples describes."""

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
        """The settings that decide the bytes of the folder, for its manifest."""
        return settings_of(self.recipe, self.page_per)

    def result(self) -> ManifestResult:
        """The result that the command writes to its folder."""
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
        """Whether threads would be done before worker processes have started."""
        return _num_tokens(self.shards) < _TOKENS_PER_CORE_SECOND * _LEAST_SECONDS_FOR_PROCESSES

    def estimate(self, num_workers: int) -> str:
        """The output of `--dry_run`."""
        replicas, tokens = self.recipe.replicas, _num_tokens(self.shards)
        seconds = tokens / _TOKENS_PER_CORE_SECOND / max(1, min(num_workers, len(self.shards)))
        examples = tokens * replicas / self.recipe.corruption.mean_tokens
        num_shards = sum(len(shard_names(shard, replicas)) for shard in self.shards)
        megabytes = tokens * replicas * _BYTES_PER_TOKEN / 1e6
        return (
            f"would make {num_shards} example shards in {self.output} from {len(self.shards)} text shards: about "
            f"{tokens / 1e6:,.1f} M tokens, {examples:,.0f} examples, {megabytes:,.0f} MB, {seconds:,.0f} s on "
            f"{num_workers} workers"
        )


def make_job(flags: Namespace) -> ExampleJob:
    """Make the job from the flags. Raises: UserError for any mistake in them."""
    recipe, shards = _recipe(flags), tuple(text_shards(flags.input, flags.page_per))
    return ExampleJob(flags.output, recipe, shards, flags.page_per, flags.max_quarantined_fraction)


def _num_tokens(shards: Sequence[TextShard]) -> float:
    """The approximate number of tokens in the text shards."""
    return sum(files.size(shard.path) for shard in shards) * _TOKENS_PER_PACKED_BYTE


def _recipe(flags: Namespace) -> Recipe:
    if flags.replicas < 1:
        raise UserError(f"--replicas={flags.replicas} must be at least 1")
    vocabulary = Vocabulary.load(flags.vocabulary, flags.num_extra_ids)
    names = ("noise_density", "mean_noise_span_length", "inputs_length", "targets_length", "overflow")
    objective = objective_of(flags.objective)
    if flags.mode_tokens and not objective.modes:
        raise UserError(f"the objective {objective.name} has no --mode_tokens; leave it out")
    parameters = Parameters(
        **{name: getattr(flags, name) for name in names}, mode_tokens=flags.mode_tokens or DEFAULT_MODE_TOKENS
    )
    corruption = objective.configure(parameters, vocabulary.size, vocabulary.num_extra_ids, vocabulary.encode)
    return Recipe(corruption, vocabulary, flags.seed, flags.replicas)


def objective_of(text: str) -> Objective | Mixture:
    """The objective or mixture that `--objective` names, or the mixture in the file that it names.

    Raises: UserError if there is none, or if the file is not a mixture.
    """
    if not text.endswith(MIXTURE_FILE):
        return chosen(text)
    return mixture_files.parse(files.read_bytes(text), text)


def text_shards(text: str, page_per: str = plain_text.LINE) -> list[TextShard]:
    """The text shards of the sources that a flag names, with the split of their examples, train before validation.

    A split named `X-validation`, or `validation`, is the validation split of `X`, or of `train`. If it is asked for by
    name (`folder@validation`), only this split is taken. If no source has a validation split, a notice says so.

    Raises: UserError if a source does not exist or has a weight.
    """
    sources = no_weights(
        parse_source_names(text),
        "make examples of each source, and give weights to model.pretrain, as in --examples=A:2,B:1",
    )
    found = [find_text(source) for source in sources]
    train = [path for of_source in found for path in of_source.train]
    validation = [path for of_source in found for path in of_source.validation]
    if len(sources) > 1:
        # The order must not depend on the order of the sources. A file that two sources name is read once.
        train, validation = sorted(set(train)), sorted(set(validation) - set(train))
    if not validation:
        print(f"notice: {text} has no validation split; there will be only train examples", file=sys.stderr)
    return _numbered(train, TRAIN, page_per) + _numbered(validation, VALIDATION, page_per, first=len(train))


def _numbered(paths: Sequence[str], split: str, page_per: str, first: int = 0) -> list[TextShard]:
    known, count = known_digests(paths), len(paths)
    return [
        TextShard(path, split, index, count, page_per, known.get(path), first + index)
        for index, path in enumerate(paths)
    ]


def settings_of(recipe: Recipe, page_per: str = plain_text.LINE) -> dict:
    """The settings that decide the bytes of the folder, for its manifest."""
    of_text = {} if page_per == plain_text.LINE else {"page_per": page_per}
    return (
        of_text
        | recipe.corruption.settings
        | {
            "vocabulary_size": recipe.vocabulary.size,
            "num_pieces": recipe.vocabulary.num_pieces,
            "num_extra_ids": recipe.vocabulary.num_extra_ids,
            "vocabulary_sha256": recipe.vocabulary.digest,
            "seed": recipe.seed,
            "replicas": recipe.replicas,
        }
    )


def read_made(job: ExampleJob) -> list[Made]:
    """The records that the graph wrote, per text shard. Raises: UserError if text changed while it was read."""
    digest = job.recipe.digest()
    made = [find_made(job.output, shard, digest, check_text=False) for shard in job.shards]
    missing = [shard.path for shard, record in zip(job.shards, made, strict=True) if record is None]
    if missing:
        raise UserError(
            f"{len(missing)} text shards changed while they were read ({missing[0]}); run the command again"
        )
    return [record for record in made if record is not None]


def write_reports(job: ExampleJob, folder: OutputFolder, made: Sequence[Made]) -> Manifest:
    """Write everything except the shards and the manifest. Returns: the manifest.

    Raises: UserError if too many rows are not pages.
    """
    quarantine.write_if_any(str(folder), [row for record in made for row in record.quarantined])
    counts = sum((Counter(record.counts) for record in made), Counter())
    quarantine.check(str(folder), counts, counts["pages"], job.max_quarantined_fraction)
    vocabulary = job.recipe.vocabulary
    files.write_bytes(folder.file(MODEL_FILE), vocabulary.model)
    manifest = _manifest(job.shards, made, job.recipe, job.settings)
    report_page.write(str(folder), lambda: examples_page(str(folder), manifest, made_lengths(made), vocabulary))
    files.write_bytes(folder.file(REPORT), _report(manifest, job.shards))
    return manifest


def _manifest(shards: Sequence[TextShard], made: Sequence[Made], recipe: Recipe, settings: dict) -> Manifest:
    splits: dict[str, list[Shard]] = {TRAIN: [], VALIDATION: []}
    counts: dict[str, dict[str, int]] = {TRAIN: {}, VALIDATION: {}}
    for shard, record in zip(shards, made, strict=True):
        splits[shard.split].extend(record.shards)
        for name, count in record.counts.items():
            counts[shard.split][name] = counts[shard.split].get(name, 0) + count
    return Manifest(
        kind="examples",
        splits={split: tuple(sorted(found, key=lambda shard: shard.file)) for split, found in splits.items() if found},
        settings=settings,
        inputs=tuple(Input(record.text_shard, record.input_sha256) for record in made),
        assets={MODEL_FILE: recipe.vocabulary.digest},
        statistics={
            "counts": {split: found for split, found in counts.items() if found},
            "text_shards": {shard.file: record.text_shard for record in made for shard in record.shards},
        },
    )


def _report(manifest: Manifest, shards: Sequence[TextShard]) -> bytes:
    """`report.json`: the counts, and the folders of the text, so that the pages of an example can be found again."""
    folders = sorted({without_credentials(files.folder_of(shard.path)) for shard in shards})
    places = [folder if files.is_remote(folder) else str(Path(folder).absolute()) for folder in folders]
    report = {"counters": manifest.statistics["counts"], "text_folders": places}
    return (json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def made_lengths(made: Sequence[Made]) -> tuple[list[int], list[int]]:
    """How many examples have inputs and targets of each length, over all shards."""
    inputs = [sum(column) for column in zip(*(record.input_lengths for record in made), strict=True)]
    targets = [sum(column) for column in zip(*(record.target_lengths for record in made), strict=True)]
    return inputs, targets


def summary(manifest: Manifest, output: str, seconds: float) -> str:
    """The last line of the command."""
    total = {
        name: sum(found.get(name, 0) for found in manifest.statistics["counts"].values())
        for name in ("raw_tokens", "examples", "overflowed", "trimmed_inputs", "trimmed_targets")
    }
    odd = "".join(
        f", {count:,} {name.replace('_', ' ')}"
        for name, count in total.items()
        if count and name not in ("raw_tokens", "examples")
    )
    splits = " and ".join(f"{manifest.num_rows(split):,} {split}" for split in manifest.splits)
    return (
        f"wrote {splits} examples of {total['raw_tokens']:,} tokens{odd} to {output} in {seconds:.1f} s"
        f"{_left_out(manifest)}; next: python -m model.pretrain --examples={shlex.quote(output)} --output=RUN"
    )


def _left_out(manifest: Manifest) -> str:
    """What is missing in the examples, for the last line: chunks of long pages, and rows that are not pages."""
    text = ""
    kept = total = 0
    for split, counts in manifest.statistics["counts"].items():
        kept += counts.get("raw_tokens", 0)
        total += counts.get("text_tokens", 0) * (manifest.settings["replicas"] if split == TRAIN else 1)
    if kept < total:
        text += (
            f"; {total - kept:,} tokens ({(total - kept) / total:.1%}) are left out, because only one chunk of a page "
            f"with more than {CHUNK_LENGTH:,} tokens is used, as in the reference"
        )
    counters = sum((Counter(counts) for counts in manifest.statistics["counts"].values()), Counter())
    return text + quarantine.last_words(counters)
