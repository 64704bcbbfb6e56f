"""Find the evaluation examples that occur in a corpus.

    python -m pipelines.find_contamination --c4=c4/en --tasks=tasks --output=contamination

Runs of 13 words are compared, as in GPT-3's study; case, punctuation and white space are ignored. A shorter text counts
only if all of it occurs in the corpus. Inputs and correct answers are counted separately, because a leaked answer is
worse. `--exclude_urls=OUTPUT/contaminated_urls.txt` of wet_to_c4 leaves the pages out, and `--contamination=OUTPUT` of
model.evaluate scores clean and contaminated examples separately.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from c4pipe.command_line import Parser, add_flags, flag, importing, run
from c4pipe.contamination_run.names import RESULT, URLS
from pipelines.launch import beam_flags, shared_flags


@dataclass(frozen=True)
class Flags:
    c4: str = flag(metavar="SOURCE", help="the corpus: a folder of C4 shards, folder@split, or a glob")
    tasks: str = flag(metavar="DIR[@SPLIT],...", help="folders that tasks_to_examples made")
    output: str = flag(metavar="DIR", help=f"folder for {RESULT}, {URLS} and report.html")
    ngram: int = flag(13, help="number of words in the runs that are compared: 13, or 8 for a stricter search")
    max_quarantined_fraction: float = shared_flags.max_quarantined_fraction()
    overwrite: bool = shared_flags.overwrite()
    dry_run: bool = flag(False, help="only say what would be searched, and how long it takes")


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.find_contamination", description=__doc__)
    add_flags(parser, None, Flags)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags, left = beam_flags.parse(parser(), argv)
    shared_flags.check_quarantined_fraction(flags)
    with importing():
        from pipelines.actions import find_contamination
    return find_contamination.perform(flags, left)


if __name__ == "__main__":
    run(main)
