"""Drop pages that are nearly equal to another one, from any text shards.

    python -m pipelines.drop_near_duplicates --input=c4/en --output=c4/en-distinct

Pages are compared by MinHash over runs of five words, as in datatrove. Of each cluster the newest page stays; of
several newest ones, the longest. SOURCE is a folder made by wet_to_c4 (its train and validation splits together),
folder@split, or a glob of text shards. One shard is written for each shard that is read.
"""

from collections.abc import Sequence

from c4pipe.command_line import Parser, run
from c4pipe.shards.text_shards import WRITERS
from pipelines.launch import beam_flags, quarantine_flag


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.drop_near_duplicates", description=__doc__)
    add = parser.add_argument
    add("--input", required=True, help="SOURCE: a folder of C4 shards, folder@split, or a glob")
    add("--output", required=True, help="folder for the shards, clusters.parquet and the report")
    add("--threshold_bands", type=int, default=14, help="bands of a signature; pages that share one are near")
    add("--rows_per_band", type=int, default=8, help="hashes in a band; more of them ask for more similar pages")
    add("--format", default="json.gz", choices=WRITERS, help="of the shards that are written")
    add("--keep_work", action="store_true", help="keep the work folder, in which a later run finds the signatures")
    quarantine_flag.add(parser)
    add("--overwrite", action="store_true", help="replace what another run left in the output folder")
    add("--dry_run", action="store_true", help="say what would be done, and how much time, memory and disk it takes")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags, left = beam_flags.parse(parser(), argv)
    quarantine_flag.check(flags)
    from pipelines.actions import drop_near_duplicates

    return drop_near_duplicates.perform(flags, left)


if __name__ == "__main__":
    run(main)
