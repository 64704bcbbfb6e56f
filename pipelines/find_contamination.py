"""Find the evaluation examples that stand in a corpus.

    python -m pipelines.find_contamination --c4=c4/en --tasks=tasks --output=contamination

Runs of 13 words are compared, without regard to case, punctuation and white space, as in GPT-3's study; a shorter text
must stand in the corpus as a whole. Inputs and right answers are told apart, since a leaked answer is worse.
`--exclude_urls=OUTPUT/contaminated_urls.txt` of wet_to_c4 leaves the pages out; `--contamination=OUTPUT` of
model.evaluate scores the clean and the contaminated examples apart.
"""

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

import c4pipe
from c4pipe.command_line import Parser, run
from c4pipe.contamination.task_grams import FEWEST_WORDS
from c4pipe.contamination_run import results
from c4pipe.contamination_run.plan import Plan, TextShard, evaluation_texts, texts_key, write_texts
from c4pipe.contamination_run.task_texts import TaskExample, read_task_texts
from c4pipe.corpus_run.plan import code_digest
from c4pipe.errors import UserError
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.results import SettingsResult
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.report.contamination_page import contamination_page
from c4pipe.shards import files
from c4pipe.shards.reading.source_names import no_weights, parse_source_names
from c4pipe.shards.reading.text_sources import find_text
from c4pipe.shards.work.work_files import read_record
from c4pipe.stages.search_pages import SearchPages
from pipelines.launch import beam_options, report_page
from pipelines.launch.progress import Progress

RESULT, URLS = "contamination.json", "contaminated_urls.txt"
WORK_FOLDER = ".work"
_OFFERED_LENGTHS = (8, 13)
# For the estimate of --dry_run.
_PACKED_BYTES_PER_CORE_SECOND = 1.2e6


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.find_contamination", description=__doc__)
    add = parser.add_argument
    add("--c4", required=True, help="SOURCE of the corpus: a folder of C4 shards, folder@split, or a glob")
    add("--tasks", required=True, help="folders made by tasks_to_examples, DIR[@SPLIT], separated by commas")
    add("--output", required=True, help=f"folder for {RESULT}, {URLS} and report.html")
    add("--ngram", type=int, default=13, help="words of a run that is compared: 13, or 8 for a stricter search")
    add("--overwrite", action="store_true", help="replace what another run left in the output folder")
    add("--dry_run", action="store_true", help="say what would be searched, and how long it takes")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    started = time.monotonic()
    flags, options = beam_options.parse(parser(), argv)
    if flags.ngram < FEWEST_WORDS:
        raise UserError(f"--ngram={flags.ngram} says little; give {' or '.join(map(str, _OFFERED_LENGTHS))}")
    shards, examples = _shards(flags.c4), _examples(flags.tasks)
    texts = evaluation_texts(examples)
    work = files.join(flags.output, WORK_FOLDER)
    plan = Plan(work, flags.ngram, code_digest(), texts_key(texts, flags.ngram))
    folder = _folder(flags, plan, shards)
    if flags.dry_run:
        print(folder.outlook(lambda: _estimate(shards, examples, beam_options.num_workers(options))))
        return 0
    if folder.is_finished():
        return folder.nothing_to_do()
    beam_options.refuse_local_paths(options, output=flags.output)
    with folder.opened():
        write_texts(plan, texts)
        _run(plan, shards, options)
        result, urls = _result(plan, shards, examples, folder)
        files.write_bytes(folder.file(URLS), "".join(f"{url}\n" for url in urls).encode("utf-8", "backslashreplace"))
        report_page.write(str(folder), lambda: contamination_page(result, result["examples"]))
        folder.commit((json.dumps(result, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))
    print(_last_line(result, flags.output, time.monotonic() - started))
    return 0


def _shards(c4: str) -> list[TextShard]:
    """All text shards of the corpus, for training and validation: a model may be trained on either."""
    sources = no_weights(parse_source_names(c4), "a search reads every page once")
    found = [find_text(source) for source in sources]
    paths = dict.fromkeys(path for of_source in found for path in (*of_source.train, *of_source.validation))
    return [TextShard(number, path) for number, path in enumerate(sorted(paths))]


def _examples(tasks: str) -> list[TaskExample]:
    sources = no_weights(parse_source_names(tasks), "every example is looked for once")
    examples = read_task_texts(sources)
    if not examples:
        raise UserError(f"{tasks} has no evaluation examples; name another split as DIR@SPLIT")
    return examples


def _folder(flags: argparse.Namespace, plan: Plan, shards: Sequence[TextShard]) -> OutputFolder:
    result = SettingsResult(
        command="find_contamination",
        record=RESULT,
        settings=_settings(plan, shards),
        beside=(URLS,),
        others=(report_page.REPORT_PAGE,),
    )
    return OutputFolder(flags.output, result, overwrite=flags.overwrite, work=WorkFolder(plan.work))


def _settings(plan: Plan, shards: Sequence[TextShard]) -> dict[str, Any]:
    sizes = [[files.base_name(shard.path), files.size(shard.path)] for shard in shards]
    return {"ngram": plan.length, "texts": plan.texts_key, "corpus": sizes}


def _run(plan: Plan, shards: Sequence[TextShard], options: PipelineOptions) -> None:
    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | "Text shards" >> beam.Create(shards)
            | "Spread" >> beam.Reshuffle()
            | "Search pages" >> SearchPages(plan)
        )

    def look() -> tuple[int, int, str]:
        folder = plan.found(shards[0]).rpartition("/")[0]
        done = sum(name.endswith(".json") for name in files.list_folder(folder))
        return done, len(shards), f"{done} of {len(shards)} text shards"

    with Progress("contamination", look):
        beam_options.run(build, options)


def _result(
    plan: Plan, shards: Sequence[TextShard], examples: Sequence[TaskExample], folder: OutputFolder
) -> tuple[dict[str, Any], list[str]]:
    """(the content of contamination.json, the URLs of pages with a match)."""
    records = (read_record(plan.found(shard)) or {} for shard in shards)
    num_pages, found, urls, without_url = results.add_up(records)
    if not num_pages:
        raise UserError(f"the corpus has no pages, so {folder} would say nothing; give text shards that hold some")
    grams = plan.grams()
    found_examples = results.found_examples(examples, grams, found)
    return {
        "settings": _settings(plan, shards),
        "version": c4pipe.__version__,
        "pages": num_pages,
        "pages_with_a_match": len(urls) + without_url,
        "pages_without_url": without_url,
        "tasks": results.by_task(examples, grams, found_examples),
        "examples": [example.to_json() for example in found_examples],
    }, urls


def _estimate(shards: Sequence[TextShard], examples: Sequence[TaskExample], num_workers: int) -> str:
    packed = sum(files.size(shard.path) for shard in shards)
    seconds = packed / _PACKED_BYTES_PER_CORE_SECOND / max(1, min(num_workers, len(shards)))
    return (
        f"would look for {len(examples):,} evaluation examples in {len(shards)} text shards ({packed / 1e6:,.0f} MB): "
        f"about {seconds:,.0f} s on {num_workers} workers"
    )


def _last_line(result: dict[str, Any], output: str, seconds: float) -> str:
    rows = result["tasks"]
    num_examples, num_found = sum(row["examples"] for row in rows), sum(row["found"] for row in rows)
    unjudged = num_examples - sum(row["judged_inputs"] for row in rows)
    too_short = f"; the inputs of {unjudged:,} are too short to be judged" if unjudged else ""
    no_url = result["pages_without_url"]
    unnamed = f", {no_url:,} of them without a URL" if no_url else ""
    return (
        f"{output}: {num_found:,} of {num_examples:,} evaluation examples stand in the corpus{too_short}; "
        f"{result['pages_with_a_match']:,} of {result['pages']:,} pages have a match{unnamed} ({URLS} names them), "
        f"in {seconds:.1f} s"
    )


if __name__ == "__main__":
    run(main)
