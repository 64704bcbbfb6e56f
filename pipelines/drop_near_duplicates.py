"""Drop pages that are nearly equal to another page, from any text shards.

    python -m pipelines.drop_near_duplicates --input=c4/en --output=c4/en-distinct

Pages are compared by MinHash over runs of five words, as in datatrove. The newest page of each cluster stays; if
several are equally new, the longest of them. SOURCE is a folder that wet_to_c4 made (its train and validation splits
together), folder@split, or a glob of text shards. One shard is written per shard that is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from c4pipe.command_line import Parser, add_flags, flag, importing, run
from c4pipe.shards.text_shards import WRITERS
from pipelines.launch import beam_flags, shared_flags


@dataclass(frozen=True)
class Flags:
    input: str = flag(metavar="SOURCE", help="a folder of C4 shards, folder@split, or a glob")
    output: str = flag(metavar="DIR", help="folder for the shards, clusters.parquet and the report")
    threshold_bands: int = flag(
        14, help="number of bands in a signature; pages that have a band in common are near duplicates"
    )
    rows_per_band: int = flag(8, help="number of hashes per band; with more, only more similar pages match")
    format: str = flag("json.gz", choices=WRITERS, help="format of the written shards")
    keep_work: bool = flag(False, help="keep the work folder, so that a later run can reuse the signatures")
    max_quarantined_fraction: float = shared_flags.max_quarantined_fraction()
    overwrite: bool = shared_flags.overwrite()
    dry_run: bool = flag(False, help="only say what would be done, and how much time, memory and disk it needs")


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.drop_near_duplicates", description=__doc__)
    add_flags(parser, None, Flags)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags, left = beam_flags.parse(parser(), argv)
    shared_flags.check_quarantined_fraction(flags)
    with importing():
        from pipelines.actions import drop_near_duplicates
    return drop_near_duplicates.perform(flags, left)


if __name__ == "__main__":
    run(main)
