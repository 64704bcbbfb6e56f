"""Make pre-corrupted example shards of text shards, ready to train on.

    python -m pipelines.c4_to_examples --input=c4/en --vocabulary=vocabulary --output=examples

SOURCE is a folder made by wet_to_c4 (its train and validation splits), folder@split, or a glob of text shards; several
with commas between. One example shard is written for each text shard and replica.
"""

import sys
import time
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions

from c4pipe.command_line import Parser, run
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.objectives.catalog import OBJECTIVES, OVERFLOW_POLICIES
from c4pipe.shards import files
from c4pipe.shards.reading import plain_text
from c4pipe.stages.make_examples import Made, MakeExamples
from c4pipe.vocabulary.vocabulary import MODEL_FILE
from pipelines.jobs import examples
from pipelines.jobs.examples import ExampleJob
from pipelines.launch import beam_options, quarantine
from pipelines.launch.progress import Progress


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
    job = examples.make_job(flags)
    folder = OutputFolder(flags.output, job.result(), overwrite=flags.overwrite, work=WorkFolder(job.work_dir))
    if flags.dry_run:
        print(folder.outlook(lambda: job.estimate(beam_options.num_workers(options))))
        return 0
    if folder.is_finished():
        return folder.nothing_to_do()
    beam_options.refuse_local_paths(options, output=flags.output)
    _spare_processes(options, sys.argv[1:] if argv is None else argv, job)
    with folder.opened():
        made = make(job, options)
        told = examples.write_reports(job, folder, made)
        folder.commit_manifest(told)
    print(examples.summary(told, flags.output, time.monotonic() - started))
    return 0


def _spare_processes(options: PipelineOptions, argv: Sequence[str], job: ExampleJob) -> None:
    """Where the runner was not chosen and there is little to do, use threads of this process."""
    if any(flag.startswith(("--runner", "--direct_running_mode")) for flag in argv):
        return
    direct = options.view_as(DirectOptions)
    if direct.direct_running_mode == "multi_processing" and job.is_small:
        direct.direct_running_mode = "multi_threading"


def make(job: ExampleJob, options: PipelineOptions) -> list[Made]:
    """Run the graph; what was made of each text shard, in their order."""

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | "Text shards" >> beam.Create(job.shards)
            | "Spread" >> beam.Reshuffle()
            | "Make examples" >> MakeExamples(job.recipe, job.output)
        )

    def look() -> tuple[int, int, str]:
        done = sum(name.endswith(".json") for name in files.list_folder(job.work_dir))
        return done, len(job.shards), f"{done} of {len(job.shards)} text shards"

    with Progress("examples", look):
        beam_options.run(build, options)
    return examples.read_made(job)


if __name__ == "__main__":
    run(main)
