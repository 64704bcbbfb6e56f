"""Train a SentencePiece vocabulary on C4 text.

    python -m pipelines.c4_to_vocabulary --input=c4/en --output=vocabulary
    python -m pipelines.c4_to_vocabulary --input=c4/en:10,c4/multilingual@de:1,c4/multilingual@fr:1 --output=vocabulary

SOURCE is a folder that wet_to_c4 made (its train split), folder@split, or a glob of text shards. The number after the
colon is its weight.
"""

from collections.abc import Sequence

from c4pipe.command_line import Parser, importing, run
from c4pipe.shards.reading import plain_text
from c4pipe.vocabulary.folders import DEFAULT_NUM_EXTRA_IDS
from pipelines.launch import beam_flags, folder_flags, quarantine_flag

DEFAULT_SAMPLE_BYTES = 200_000_000


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.c4_to_vocabulary", description=__doc__)
    parser.add_argument("--input", required=True, metavar="SOURCE[:weight],...", help="sources of text, with weights")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the vocabulary")
    parser.add_argument(
        "--num_pieces", type=int, default=32_000, help="number of pieces, with pad, EOS and unk, without the extra ids"
    )
    parser.add_argument(
        "--num_extra_ids", type=int, default=DEFAULT_NUM_EXTRA_IDS, help="number of sentinels above the pieces"
    )
    parser.add_argument(
        "--sample_bytes",
        type=int,
        default=DEFAULT_SAMPLE_BYTES,
        help="bytes of text to train on; training needs about 20 times as much memory",
    )
    parser.add_argument("--character_coverage", type=float, default=0.9995, help="share of characters that get a piece")
    parser.add_argument("--byte_fallback", action="store_true", help="encode unknown characters as bytes")
    parser.add_argument("--split_digits", action="store_true", help="make each digit a separate piece")
    parser.add_argument(
        "--compare_vocabulary", metavar="DIR", help="another vocabulary that the report compares with this one"
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
        from pipelines.actions import c4_to_vocabulary
    return c4_to_vocabulary.perform(flags, left)


if __name__ == "__main__":
    run(main)
