"""Make pre-corrupted example shards from text shards, ready to train on.

    python -m pipelines.c4_to_examples --input=c4/en --vocabulary=vocabulary --output=examples

SOURCE is a folder that wet_to_c4 made (its train and validation splits), folder@split, or a glob of text shards.
Several sources are separated by commas. One example shard is written per text shard and replica.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from c4pipe.command_line import Parser, add_flags, flag, importing, run
from c4pipe.objectives.catalog import own_defaults
from c4pipe.objectives.mixture import MIXTURE_FILE, NAMES
from c4pipe.objectives.objective import DEFAULT_MODE_TOKENS, MODE_TOKENS, OVERFLOW_POLICIES
from c4pipe.vocabulary.folders import MODEL_FILE
from pipelines.launch import beam_flags, shared_flags


class _NamesOrFile(tuple):
    """The names of objectives. A name that ends with `.toml` is one too: that of a file."""

    def __contains__(self, name: object) -> bool:
        return str(name).endswith(MIXTURE_FILE) or super().__contains__(name)


@dataclass(frozen=True)
class Flags:
    input: str = flag(
        metavar="SOURCE,...", help="folders of C4 shards, folder@split, globs, or hf:NAME[@CONFIG] of the hub"
    )
    vocabulary: str = flag(
        metavar="DIR",
        help=f"a folder with {MODEL_FILE}, the file itself, or a model of the hub such as google/t5-v1_1-base",
    )
    output: str = flag(metavar="DIR", help="folder for the example shards")
    objective: str = flag(
        "span_corruption",
        choices=_NamesOrFile(NAMES),
        help="the pre-training objective, or FILE.toml with denoisers of your own (docs/objectives.md)",
    )
    noise_density: float | None = flag(
        None, help="share of tokens that is noise", otherwise=own_defaults("noise_density")
    )
    mean_noise_span_length: float | None = flag(
        None, help="mean length of a noise span in tokens", otherwise=own_defaults("mean_noise_span_length")
    )
    inputs_length: int = flag(512, help="length of the inputs in tokens, with EOS")
    targets_length: int | None = flag(
        None, help="length of the targets in tokens, with EOS", otherwise="depends on the objective"
    )
    mode_tokens: str | None = flag(
        None,
        choices=MODE_TOKENS,
        help="the text before the inputs of UL2's denoisers: [NLU] [S2S] [NLG] as in its code, [R] [S] [X] as in its "
        "paper, or none",
        otherwise=DEFAULT_MODE_TOKENS,
    )
    overflow: str = flag(
        "parity",
        choices=OVERFLOW_POLICIES,
        help="if there are more spans than extra ids: use ids of real pieces as the reference does, or stop",
    )
    num_extra_ids: int | None = shared_flags.num_extra_ids()
    seed: int = flag(0, help="random seed of the noise")
    replicas: int = flag(1, help="how many times the text is corrupted, each time differently, for more epochs")
    page_per: str = shared_flags.page_per()
    max_quarantined_fraction: float = shared_flags.max_quarantined_fraction()
    overwrite: bool = shared_flags.overwrite()
    dry_run: bool = flag(False, help="only say what would be made, with an estimate")


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.c4_to_examples", description=__doc__)
    add_flags(parser, None, Flags)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags, left = beam_flags.parse(parser(), argv)
    shared_flags.check_quarantined_fraction(flags)
    with importing():
        from pipelines.actions import c4_to_examples
    return c4_to_examples.perform(flags, left)


if __name__ == "__main__":
    run(main)
