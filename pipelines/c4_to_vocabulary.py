"""Train a SentencePiece vocabulary on C4 text.

    python -m pipelines.c4_to_vocabulary --input=c4/en --output=vocabulary
    python -m pipelines.c4_to_vocabulary --input=c4/en:10,c4/multilingual@de:1,c4/multilingual@fr:1 --output=vocabulary

SOURCE is a folder that wet_to_c4 made (its train split), folder@split, or a glob of text shards. The number after the
colon is its weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from c4pipe.command_line import Parser, add_flags, flag, importing, run
from c4pipe.vocabulary.folders import DEFAULT_NUM_EXTRA_IDS
from pipelines.launch import beam_flags, shared_flags


@dataclass(frozen=True)
class Flags:
    input: str = flag(metavar="SOURCE[:weight],...", help="sources of text, with weights")
    output: str = flag(metavar="DIR", help="folder for the vocabulary")
    num_pieces: int = flag(32_000, help="number of pieces, with pad, EOS and unk, without the extra ids")
    num_extra_ids: int = flag(DEFAULT_NUM_EXTRA_IDS, help="number of sentinels above the pieces")
    sample_bytes: int = flag(
        200_000_000, help="bytes of text to train on; training needs about 20 times as much memory"
    )
    character_coverage: float = flag(0.9995, help="share of characters that get a piece")
    byte_fallback: bool = flag(False, help="encode unknown characters as bytes")
    split_digits: bool = flag(False, help="make each digit a separate piece")
    compare_vocabulary: str | None = flag(
        None, metavar="DIR", help="another vocabulary that the report compares with this one"
    )
    page_per: str = shared_flags.page_per()
    max_quarantined_fraction: float = shared_flags.max_quarantined_fraction()
    overwrite: bool = shared_flags.overwrite()
    dry_run: bool = flag(False, help="only say what would be made, with an estimate")


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.c4_to_vocabulary", description=__doc__)
    add_flags(parser, None, Flags)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags, left = beam_flags.parse(parser(), argv)
    shared_flags.check_quarantined_fraction(flags)
    with importing():
        from pipelines.actions import c4_to_vocabulary
    return c4_to_vocabulary.perform(flags, left)


if __name__ == "__main__":
    run(main)
