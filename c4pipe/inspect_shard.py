"""Look into a shard: print one example or page as text, or a summary of the shard.

    python -m c4pipe.inspect_shard examples/train-00000-of-00008.arrow --row=5
    python -m c4pipe.inspect_shard examples/train-00000-of-00008.arrow
    python -m c4pipe.inspect_shard c4/en/c4-train.00000-of-00008.json.gz --row=5

An example is shown as its inputs and targets with visible sentinels, the text that they restore, and the URLs and WET
records of its pages. These are read from the text shard that it was made from. The text shard is looked for first in
the folder that the example folder's report names, then beside the example folder; --c4 names another folder.
"""

from collections.abc import Sequence

from c4pipe.command_line import Parser, importing, run
from c4pipe.errors import UserError


def parser() -> Parser:
    parser = Parser(prog="python -m c4pipe.inspect_shard", description=__doc__)
    parser.add_argument("shard", metavar="SHARD", help="an example shard (.arrow) or a text shard")
    parser.add_argument("--row", type=int, help="the example or page to show, counted from 0 (default: show a summary)")
    parser.add_argument("--c4", help="the folder of the text shards, if it is not beside the examples")
    parser.add_argument("--vocabulary", help="the folder of the vocabulary, if the shard's folder has none")
    parser.add_argument("--dry_run", action="store_true", help="say what would be read, and stop")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    if flags.row is not None and flags.row < 0:
        raise UserError(f"--row={flags.row}: rows count from 0")
    with importing():
        from c4pipe.actions import inspect_shard
    return inspect_shard.perform(flags)


if __name__ == "__main__":
    run(main)
