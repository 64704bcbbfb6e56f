"""Find the evaluation examples that stand in a corpus.

    python -m pipelines.find_contamination --c4=c4/en --tasks=tasks --output=contamination

Runs of 13 words are compared, without regard to case, punctuation and white space, as in GPT-3's study; a shorter text
must stand in the corpus as a whole. Inputs and right answers are told apart, since a leaked answer is worse.
`--exclude_urls=OUTPUT/contaminated_urls.txt` of wet_to_c4 leaves the pages out; `--contamination=OUTPUT` of
model.evaluate scores the clean and the contaminated examples apart.
"""

from collections.abc import Sequence

from c4pipe.command_line import Parser, run
from c4pipe.contamination_run.names import RESULT, URLS
from pipelines.launch import beam_flags, quarantine_flag


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.find_contamination", description=__doc__)
    add = parser.add_argument
    add("--c4", required=True, help="SOURCE of the corpus: a folder of C4 shards, folder@split, or a glob")
    add("--tasks", required=True, help="folders made by tasks_to_examples, DIR[@SPLIT], separated by commas")
    add("--output", required=True, help=f"folder for {RESULT}, {URLS} and report.html")
    add("--ngram", type=int, default=13, help="words of a run that is compared: 13, or 8 for a stricter search")
    quarantine_flag.add(parser)
    add("--overwrite", action="store_true", help="replace what another run left in the output folder")
    add("--dry_run", action="store_true", help="say what would be searched, and how long it takes")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags, left = beam_flags.parse(parser(), argv)
    quarantine_flag.check(flags)
    from pipelines.actions import find_contamination

    return find_contamination.perform(flags, left)


if __name__ == "__main__":
    run(main)
