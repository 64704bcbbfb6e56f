"""Make pre-corrupted example shards from text shards, ready to train on.

    python -m pipelines.c4_to_examples --input=c4/en --vocabulary=vocabulary --output=examples

SOURCE is a folder that wet_to_c4 made (its train and validation splits), folder@split, or a glob of text shards.
Several sources are separated by commas. One example shard is written per text shard and replica.
"""

from collections.abc import Sequence

from c4pipe.command_line import Parser, importing, run
from c4pipe.objectives.catalog import own_defaults
from c4pipe.objectives.mixture import MIXTURE_FILE, NAMES
from c4pipe.objectives.objective import DEFAULT_MODE_TOKENS, MODE_TOKENS, OVERFLOW_POLICIES
from c4pipe.shards.reading import plain_text
from c4pipe.vocabulary.folders import MODEL_FILE
from pipelines.launch import beam_flags, folder_flags, quarantine_flag


class _NamesOrFile(tuple):
    """The names of objectives. A name that ends with `.toml` is one too: that of a file."""

    def __contains__(self, name: object) -> bool:
        return str(name).endswith(MIXTURE_FILE) or super().__contains__(name)


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.c4_to_examples", description=__doc__)
    parser.add_argument(
        "--input",
        required=True,
        metavar="SOURCE,...",
        help="folders of C4 shards, folder@split, globs, or hf:NAME[@CONFIG] of the hub",
    )
    parser.add_argument(
        "--vocabulary",
        required=True,
        metavar="DIR",
        help=f"a folder with {MODEL_FILE}, the file itself, or a model of the hub such as google/t5-v1_1-base",
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the example shards")
    parser.add_argument(
        "--objective",
        default="span_corruption",
        choices=_NamesOrFile(NAMES),
        help="the pre-training objective, or FILE.toml with denoisers of your own (docs/objectives.md)",
    )
    parser.add_argument(
        "--noise_density",
        type=float,
        help=f"share of tokens that is noise (default: {own_defaults('noise_density')})",
    )
    parser.add_argument(
        "--mean_noise_span_length",
        type=float,
        help=f"mean length of a noise span in tokens (default: {own_defaults('mean_noise_span_length')})",
    )
    parser.add_argument("--inputs_length", type=int, default=512, help="length of the inputs in tokens, with EOS")
    parser.add_argument(
        "--targets_length",
        type=int,
        help="length of the targets in tokens, with EOS (default: depends on the objective)",
    )
    parser.add_argument(
        "--mode_tokens",
        choices=MODE_TOKENS,
        help="the text before the inputs of UL2's denoisers: [NLU] [S2S] [NLG] as in its code, [R] [S] [X] as in its "
        f"paper, or none (default: {DEFAULT_MODE_TOKENS})",
    )
    parser.add_argument(
        "--overflow",
        default="parity",
        choices=OVERFLOW_POLICIES,
        help="if there are more spans than extra ids: use ids of real pieces as the reference does, or stop",
    )
    parser.add_argument(
        "--num_extra_ids", type=int, help="number of sentinels, if the folder of the vocabulary does not say it"
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed of the noise")
    parser.add_argument(
        "--replicas",
        type=int,
        default=1,
        help="how many times the text is corrupted, each time differently, for more epochs",
    )
    parser.add_argument(
        "--page_per",
        default=plain_text.LINE,
        choices=plain_text.PAGE_PER,
        help="what counts as a page in plain text (.txt): each line, or the whole file",
    )
    quarantine_flag.add(parser)
    folder_flags.add(parser, dry_run="only say what would be made, with an estimate")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags, left = beam_flags.parse(parser(), argv)
    quarantine_flag.check(flags)
    with importing():
        from pipelines.actions import c4_to_examples
    return c4_to_examples.perform(flags, left)


if __name__ == "__main__":
    run(main)
