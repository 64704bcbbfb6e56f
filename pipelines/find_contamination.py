"""Find the evaluation examples that stand in a corpus.

    python -m pipelines.find_contamination --c4=c4/en --tasks=tasks --output=contamination

Runs of 13 words are compared, without regard to case, punctuation and white space, as in GPT-3's study; a shorter text
must stand in the corpus as a whole. Inputs and right answers are told apart, since a leaked answer is worse.
`--exclude_urls=OUTPUT/contaminated_urls.txt` of wet_to_c4 leaves the pages out; `--contamination=OUTPUT` of
model.evaluate scores the clean and the contaminated examples apart.
"""

import time
from collections.abc import Sequence

import apache_beam as beam

from c4pipe.command_line import Parser, run
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.stages.search_pages import SearchPages
from pipelines.jobs import contamination
from pipelines.jobs.contamination import Job
from pipelines.launch import beam_options, quarantine
from pipelines.launch.progress import Progress


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.find_contamination", description=__doc__)
    add = parser.add_argument
    add("--c4", required=True, help="SOURCE of the corpus: a folder of C4 shards, folder@split, or a glob")
    add("--tasks", required=True, help="folders made by tasks_to_examples, DIR[@SPLIT], separated by commas")
    add("--output", required=True, help=f"folder for {contamination.RESULT}, {contamination.URLS} and report.html")
    add("--ngram", type=int, default=13, help="words of a run that is compared: 13, or 8 for a stricter search")
    quarantine.add_flag(parser)
    add("--overwrite", action="store_true", help="replace what another run left in the output folder")
    add("--dry_run", action="store_true", help="say what would be searched, and how long it takes")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    started = time.monotonic()
    flags, options = beam_options.parse(parser(), argv)
    quarantine.check_flag(flags)
    job = contamination.make_job(flags)
    folder = OutputFolder(flags.output, job.result(), overwrite=flags.overwrite, work=WorkFolder(job.plan.work))
    if flags.dry_run:
        num_workers = beam_options.num_workers(options)
        print(folder.outlook(lambda: contamination.estimate(job, num_workers)))
        return 0
    if folder.is_finished():
        return folder.nothing_to_do()
    beam_options.refuse_local_paths(options, output=flags.output)
    with folder.opened():
        contamination.prepare(job)
        with Progress("contamination", job.look):
            beam_options.run(lambda pipeline: _search(pipeline, job), options)
        result = contamination.finish(job, folder)
    seconds = time.monotonic() - started
    print(f"{folder}: {contamination.describe(result)}, in {seconds:.1f} s{quarantine.last_words(result)}")
    return 0


def _search(pipeline: beam.Pipeline, job: Job) -> None:
    _ = (
        pipeline
        | "Text shards" >> beam.Create(job.shards)
        | "Spread" >> beam.Reshuffle()
        | "Search pages" >> SearchPages(job.plan)
    )


if __name__ == "__main__":
    run(main)
