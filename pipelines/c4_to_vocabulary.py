"""Train a SentencePiece vocabulary on C4 text.

    python -m pipelines.c4_to_vocabulary --input=c4/en --output=vocabulary
    python -m pipelines.c4_to_vocabulary --input=c4/en:10,c4/multilingual@de:1,c4/multilingual@fr:1 --output=vocabulary

SOURCE is a folder made by wet_to_c4 (its train split), folder@split, or a glob of text shards; the number after the
colon is its weight.
"""

import contextlib
import time
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from c4pipe.command_line import Parser, run
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.shards import files
from c4pipe.shards.reading import plain_text
from c4pipe.stages.sample_pages import SamplePages
from c4pipe.vocabulary.vocabulary import DEFAULT_NUM_EXTRA_IDS
from pipelines.jobs import vocabulary
from pipelines.jobs.vocabulary import Sampled, VocabularyJob
from pipelines.launch import beam_options, quarantine
from pipelines.launch.progress import Progress

DEFAULT_SAMPLE_BYTES = 200_000_000


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
    quarantine.check_flag(flags)
    job = vocabulary.make_job(flags)
    work = WorkFolder(job.work_dir)
    folder = OutputFolder(flags.output, job.result(), overwrite=flags.overwrite, work=work)
    if flags.dry_run:
        print(folder.outlook(job.estimate))
        return 0
    if folder.is_finished():
        return folder.nothing_to_do()
    beam_options.refuse_local_paths(options, output=flags.output)
    with folder.opened():
        # What is sampled in part cannot be gone on with, so nothing of it stays where this ends early.
        with contextlib.ExitStack() as cleared:
            cleared.callback(work.remove)
            sampled = sample(job, options)
        trained = vocabulary.train_on(job, sampled)
        made = vocabulary.write_files(job, folder, sampled, trained)
        folder.commit_manifest(made)
    print(vocabulary.summary(job, trained, made, time.monotonic() - started))
    return 0


def sample(job: VocabularyJob, options: PipelineOptions) -> Sampled:
    """Run the graph that samples the sources; what it took."""
    shards, weights = job.shards, [source.weight for source in job.sources]

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | "Text shards" >> beam.Create(shards)
            | "Spread" >> beam.Reshuffle()
            | "Sample" >> SamplePages(weights, job.sample_bytes, job.work_dir)
        )

    def look() -> tuple[int, int, str]:
        done = sum(name.startswith("sample-") for name in files.list_folder(job.work_dir))
        return done, len(shards), f"sampled {done} of {len(shards)} text shards"

    with Progress("sample", look):
        beam_options.run(build, options)
    return vocabulary.read_sampled(job)


if __name__ == "__main__":
    run(main)
