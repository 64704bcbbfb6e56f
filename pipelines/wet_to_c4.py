"""Make C4 from WET files: text shards, their manifest, and a report of what went and why.

    python -m pipelines.wet_to_c4 --input='wet/*.warc.wet.gz' --output=c4/en

A run that was stopped, by whatever means, goes on where it was when the same command is given again.
"""

import time
from collections.abc import Sequence

from apache_beam.options.pipeline_options import PipelineOptions

from c4pipe.command_line import Parser, run
from c4pipe.corpus import assets, variants
from c4pipe.corpus.language.catalog import IDENTIFIERS
from c4pipe.corpus.wet.parsers import WET_PARSERS
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.shards import manifest
from c4pipe.shards.text_shards import WRITERS
from c4pipe.stages.wet_to_c4.make_c4 import MakeC4
from pipelines.jobs import corpus
from pipelines.jobs.corpus import Job
from pipelines.launch import beam_options
from pipelines.launch.estimate import estimate
from pipelines.launch.progress import Progress
from pipelines.launch.work_done import WorkDone


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.wet_to_c4", description=__doc__)
    add = parser.add_argument
    add("--input", help="globs of WET files, with commas (a comma in a path is written \\,); paths or URLs")
    add("--input_list", help="a file with one WET file per line (.gz too), instead of --input")
    add("--base_url", help="where crawl-data/ lies, for the lines of --input_list that are paths of Common Crawl")
    add("--output", required=True, help="folder for the shards, the manifest and the report")
    add("--variant", default="en", help=f"one of {', '.join(variants.VARIANTS)}")
    add("--compat", default="tfds-3.1.0", help=f"whose results: one of {', '.join(variants.COMPATS)}")
    add("--wet_parser", default="tfds", choices=WET_PARSERS, help="tfds reads lines as the reference; warc, lengths")
    add("--accept_other_records", action="store_true", help="go on where no file begins as a WET file does")
    add("--languages", help="keep these only (with commas); all of the variant's if not given")
    add("--language_identifier", choices=IDENTIFIERS, help="the variant's if not given")
    add("--assets", help="folder with punkt_tab, badwords, realnews; downloaded once if not given")
    add("--sentence_model", default=assets.PUNKT_TAB, help="punkt_tab, bundled, or a folder with Punkt's four files")
    add("--badwords", metavar="LANG:FILE,...", help="bad words of your own, one per line, instead of a language's list")
    add("--urls", help="for webtextlike: the URLs to keep, one a line (.gz too)")
    add("--exclude_urls", help="URLs or domains that must not be in the corpus, one a line (.gz too)")
    add("--num_shards", type=int, help="shards of a training split; the number of WET files, 1,024 at most")
    add("--format", default="json.gz", choices=WRITERS, help="of the text shards")
    add("--work_dir", help="where to make the folder of the work, some three times the input; OUTPUT if not given")
    add("--keep_work", action="store_true", help="leave the work folder there when all is done")
    add("--samples_per_rule", type=int, default=20, help="dropped pages and lines that the report shows of each rule")
    add("--max_quarantined_fraction", type=float, default=0.01, help="more unreadable records than this is an error")
    add("--overwrite", action="store_true", help="replace what another run left in the output folder")
    add("--dry_run", action="store_true", help="say what would be done, and how much time, memory and disk it takes")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags, options = beam_options.parse(parser(), argv)
    job = corpus.make_job(flags, options)
    work = WorkFolder(job.plan.work)
    folder = OutputFolder(
        job.plan.output, job.result(), overwrite=flags.overwrite, work=work, keep_work=flags.keep_work
    )
    if flags.dry_run:
        num_workers = beam_options.num_workers(options)
        print(folder.outlook(lambda: estimate(job.plan, job.wet_files, job.rules, num_workers)))
        return 0
    if folder.is_finished():
        return folder.nothing_to_do(corpus.describe(manifest.read(str(folder))))
    corpus.say_if_tight(job)
    with folder.opened():
        made, report = make(job, options)
        folder.commit_manifest(made)
    timing = report["timing"]
    print(
        f"{folder}: {corpus.describe(made)} from {len(job.wet_files):,} WET files in {timing['seconds']:.0f} s "
        f"({timing['pages_per_second']:,} pages/s)"
    )
    print(f"next: python -m pipelines.c4_to_vocabulary --input={folder} --output=VOCABULARY")
    return 0


def make(job: Job, options: PipelineOptions) -> tuple[manifest.Manifest, dict]:
    """Run the graph and write all but the manifest. Returns: (manifest, report)."""
    started = time.time()
    result_path = corpus.prepare(job)
    with Progress("wet_to_c4", WorkDone(job.plan).look) as progress:
        beam_options.run(lambda pipeline: pipeline | MakeC4(job.plan, result_path), options)
    return corpus.finish(job, result_path, started, beam_options.num_workers(options), progress.peak_memory_bytes)


if __name__ == "__main__":
    run(main)
