"""Drop pages that are nearly equal to another one, from any text shards.

    python -m pipelines.drop_near_duplicates --input=c4/en --output=c4/en-distinct

Pages are compared by MinHash over runs of five words, as in datatrove. Of each cluster the newest page stays; of
several newest ones, the longest. SOURCE is a folder made by wet_to_c4 (its train and validation splits together),
folder@split, or a glob of text shards. One shard is written for each shard that is read.
"""

import time
from collections.abc import Sequence

from c4pipe.command_line import Parser, run
from c4pipe.folders.output_folder import OutputFolder
from c4pipe.folders.work_folder import WorkFolder
from c4pipe.shards.text_shards import WRITERS
from c4pipe.stages.near_duplicates.drop_near_duplicates import DropNearDuplicates
from pipelines.jobs import near_duplicates
from pipelines.launch import beam_options, quarantine
from pipelines.launch.progress import Progress


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.drop_near_duplicates", description=__doc__)
    add = parser.add_argument
    add("--input", required=True, help="SOURCE: a folder of C4 shards, folder@split, or a glob")
    add("--output", required=True, help="folder for the shards, clusters.parquet and the report")
    add("--threshold_bands", type=int, default=14, help="bands of a signature; pages that share one are near")
    add("--rows_per_band", type=int, default=8, help="hashes in a band; more of them ask for more similar pages")
    add("--format", default="json.gz", choices=WRITERS, help="of the shards that are written")
    add("--keep_work", action="store_true", help="keep the work folder, in which a later run finds the signatures")
    quarantine.add_flag(parser)
    add("--overwrite", action="store_true", help="replace what another run left in the output folder")
    add("--dry_run", action="store_true", help="say what would be done, and how much time, memory and disk it takes")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    started = time.monotonic()
    flags, options = beam_options.parse(parser(), argv)
    quarantine.check_flag(flags)
    job = near_duplicates.make_job(flags)
    plan = job.plan
    work = WorkFolder(plan.work)
    folder = OutputFolder(plan.output, job.result(), overwrite=flags.overwrite, work=work, keep_work=flags.keep_work)
    if flags.dry_run:
        num_workers = beam_options.num_workers(options)
        print(folder.outlook(lambda: near_duplicates.estimate(job, num_workers)))
        return 0
    if folder.is_finished():
        return folder.nothing_to_do()
    beam_options.refuse_local_paths(options, output=flags.output)
    with folder.opened():
        with Progress("near_duplicates", job.look):
            beam_options.run(lambda pipeline: pipeline | DropNearDuplicates(plan, list(job.shards)), options)
        made = near_duplicates.finish(job, folder)
        folder.commit_manifest(made)
    print(
        f"{folder}: {near_duplicates.describe(made)}, in {time.monotonic() - started:.1f} s"
        f"{quarantine.last_words(made.statistics)}; next: "
        f"python -m pipelines.c4_to_examples --input={folder} --vocabulary=VOCABULARY --output=EXAMPLES"
    )
    return 0


if __name__ == "__main__":
    run(main)
