"""The job of find_contamination: evaluation examples and shards, and the files that it writes after the graph."""

import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import c4pipe
from c4pipe.contamination.task_grams import FEWEST_WORDS
from c4pipe.contamination_run import results
from c4pipe.contamination_run.names import RESULT, URLS
from c4pipe.contamination_run.plan import Plan, TextShard, evaluation_texts, texts_key, write_texts
from c4pipe.contamination_run.task_texts import TaskExample, read_task_texts
from c4pipe.corpus_run.plan import code_digest
from c4pipe.errors import UserError
from c4pipe.folders.kinds import QUARANTINE, REPORT_PAGE
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.results import SettingsResult
from c4pipe.report.contamination_page import contamination_page
from c4pipe.shards import files
from c4pipe.shards.manifest import known_digests
from c4pipe.shards.reading.source_names import no_weights, parse_source_names
from c4pipe.shards.reading.text_sources import find_text
from c4pipe.shards.work.work_files import read_record
from pipelines.launch import quarantine, report_page
from pipelines.launch.work_done import count_files

WORK_FOLDER = ".work"
_OFFERED_LENGTHS = (8, 13)
# For the estimate of --dry_run.
_PACKED_BYTES_PER_CORE_SECOND = 1.2e6


@dataclass(frozen=True)
class Job:
    """The job that a command line of find_contamination describes."""

    plan: Plan
    shards: tuple[TextShard, ...]
    examples: tuple[TaskExample, ...]
    max_quarantined_fraction: float

    def result(self) -> SettingsResult:
        """The result that the command writes to its folder."""
        return SettingsResult(
            command="find_contamination",
            record=RESULT,
            settings=self.settings(),
            beside=(URLS,),
            others=(REPORT_PAGE, QUARANTINE),
        )

    def settings(self) -> dict[str, Any]:
        """The settings that decide the result."""
        sizes = [[files.base_name(shard.path), files.size(shard.path)] for shard in self.shards]
        return {"ngram": self.plan.length, "texts": self.plan.texts_key, "corpus": sizes}

    def look(self) -> tuple[int, int, str]:
        """For the progress line: (searched shards, all shards, words)."""
        done = count_files(self.plan.found(self.shards[0]).rpartition("/")[0], ".json")
        return done, len(self.shards), f"{done} of {len(self.shards)} text shards"


def make_job(flags: Namespace) -> Job:
    """Make the job from the flags. Raises: UserError for any mistake in them."""
    if flags.ngram < FEWEST_WORDS:
        raise UserError(f"--ngram={flags.ngram} is too short; give {' or '.join(map(str, _OFFERED_LENGTHS))}")
    shards, examples = _shards(flags.c4), _examples(flags.tasks)
    key = texts_key(evaluation_texts(examples), flags.ngram)
    plan = Plan(files.join(flags.output, WORK_FOLDER), flags.ngram, code_digest(), key)
    return Job(plan, tuple(shards), tuple(examples), flags.max_quarantined_fraction)


def _shards(c4: str) -> list[TextShard]:
    """All text shards of the corpus, of training and validation splits, because a model may be trained on both."""
    sources = no_weights(parse_source_names(c4), "every page is searched once")
    found = [find_text(source) for source in sources]
    paths = dict.fromkeys(path for of_source in found for path in (*of_source.train, *of_source.validation))
    known = known_digests(list(paths))
    return [TextShard(number, path, known.get(path)) for number, path in enumerate(sorted(paths))]


def _examples(tasks: str) -> list[TaskExample]:
    sources = no_weights(parse_source_names(tasks), "every example is searched for once")
    examples = read_task_texts(sources)
    if not examples:
        raise UserError(f"{tasks} has no evaluation examples; name another split as DIR@SPLIT")
    return examples


def estimate(job: Job, num_workers: int) -> str:
    """The output of `--dry_run`."""
    packed = sum(files.size(shard.path) for shard in job.shards)
    seconds = packed / _PACKED_BYTES_PER_CORE_SECOND / max(1, min(num_workers, len(job.shards)))
    return (
        f"would search for {len(job.examples):,} evaluation examples in {len(job.shards)} text shards "
        f"({packed / 1e6:,.0f} MB): about {seconds:,.0f} s on {num_workers} workers"
    )


def prepare(job: Job) -> None:
    """Write the files that workers read to the work folder."""
    write_texts(job.plan, evaluation_texts(job.examples))


def finish(job: Job, folder: OutputFolder) -> dict[str, Any]:
    """Write the list of URLs, the page, and contamination.json, which marks the folder as complete.

    Returns: the content of contamination.json.

    Raises: UserError if the corpus has no pages, or too many rows are not pages.
    """
    records = [read_record(job.plan.found(shard)) or {} for shard in job.shards]
    bad = [row for record in records for row in record["quarantined"]]
    num_rows = len(bad) + sum(record["pages"] for record in records)
    num_quarantined = quarantine.write_and_check(str(folder), bad, num_rows, job.max_quarantined_fraction)
    num_pages, found, urls, without_url = results.add_up(records)
    if not num_pages:
        raise UserError(f"the corpus has no pages, so {folder} would be empty; give text shards with pages")
    grams = job.plan.grams()
    found_examples = results.found_examples(job.examples, grams, found)
    examples = [example.to_json() for example in found_examples]
    result = {
        "settings": job.settings(),
        "version": c4pipe.__version__,
        "pages": num_pages,
        "pages_with_a_match": len(urls) + without_url,
        "pages_without_url": without_url,
        "tasks": results.by_task(job.examples, grams, found_examples),
        "examples": examples,
        **num_quarantined,
    }
    files.write_bytes(folder.file(URLS), "".join(f"{url}\n" for url in urls).encode("utf-8", "backslashreplace"))
    report_page.write(str(folder), lambda: contamination_page(result, examples))
    folder.commit((json.dumps(result, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))
    return result


def describe(result: dict[str, Any]) -> str:
    """The result in words: how many examples occur in the corpus, how many could not be judged, on how many pages."""
    rows: Sequence[dict[str, Any]] = result["tasks"]
    num_examples, num_found = sum(row["examples"] for row in rows), sum(row["found"] for row in rows)
    unjudged = num_examples - sum(row["judged_inputs"] for row in rows)
    too_short = f"; the inputs of {unjudged:,} are too short to judge" if unjudged else ""
    no_url = result["pages_without_url"]
    unnamed = f", {no_url:,} of them without a URL" if no_url else ""
    return (
        f"{num_found:,} of {num_examples:,} evaluation examples occur in the corpus{too_short}; "
        f"{result['pages_with_a_match']:,} of {result['pages']:,} pages have a match{unnamed} ({URLS} lists them)"
    )
