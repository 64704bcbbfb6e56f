"""Run the whole chain on this machine: WET files, C4, a vocabulary, example shards, and a T5 that trains on them.

    python -m c4pipe.demo --output=demo [--wet=GLOB [--assets=DIR]]

Without --wet, the crawl is made from the documentation in this Python installation. A second run continues the first;
with other WET files or settings, it starts again.
"""

import os

from c4pipe.command_line import Parser, importing, run
from c4pipe.errors import UserError


def parser() -> Parser:
    parser = Parser(prog="python -m c4pipe.demo", description=__doc__)
    parser.add_argument("--output", default="demo", metavar="DIR", help="folder for everything that the demo makes")
    parser.add_argument("--wet", metavar="GLOB", help="glob of WET files to use instead of the packed documentation")
    parser.add_argument("--crawl_bytes", type=int, default=12_000_000, help="bytes of documentation to pack")
    parser.add_argument(
        "--assets", metavar="DIR", help="for --wet: folder with punkt_tab, instead of the bundled model"
    )
    parser.add_argument("--num_pieces", type=int, default=1000, help="number of pieces in the vocabulary")
    parser.add_argument("--inputs_length", type=int, default=16, help="tokens of the inputs of an example")
    parser.add_argument(
        "--mean_noise_span_length", type=float, default=1.0, metavar="X", help="mean length of a gap in tokens"
    )
    parser.add_argument(
        "--preset", default="t5_v1_1_mini", metavar="NAME", help="size of the model, as in model.pretrain"
    )
    parser.add_argument("--steps", type=int, default=2500, help="number of updates in pre-training")
    parser.add_argument("--batch_size", type=int, default=64, help="examples per update")
    parser.add_argument("--dry_run", action="store_true", help="only print the commands")
    return parser


def main(argv: list[str] | None = None) -> int:
    flags = parser().parse_args(argv)
    if flags.assets and not flags.wet:
        raise UserError(
            "--assets needs --wet (ASSETS and WET of make): the demo's own crawl uses the bundled sentence model"
        )
    if flags.assets and not os.path.isdir(flags.assets):
        raise UserError(
            f"--assets={flags.assets} is not a folder; give the folder of punkt_tab/, badwords/ and realnews/"
        )
    for name in ("crawl_bytes", "num_pieces", "inputs_length", "mean_noise_span_length", "steps", "batch_size"):
        if getattr(flags, name) < 1:
            raise UserError(f"--{name}={getattr(flags, name)} must be at least 1")
    with importing():
        from c4pipe.demo import run as demo
    return demo.perform(flags)


if __name__ == "__main__":
    run(main)
