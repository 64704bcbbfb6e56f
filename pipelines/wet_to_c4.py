"""Make C4 from WET files: text shards, their manifest, and a report of what went and why.

    python -m pipelines.wet_to_c4 --input='wet/*.warc.wet.gz' --output=c4/en

A run that was stopped, by whatever means, goes on where it was when the same command is given again.
"""

import argparse
from collections.abc import Sequence

from c4pipe.command_line import Parser, run
from c4pipe.corpus import variants
from c4pipe.corpus.language.catalog import IDENTIFIERS
from c4pipe.corpus.pinned_assets import PUNKT_TAB
from c4pipe.corpus.wet.parsers import WET_PARSERS
from c4pipe.errors import UserError
from c4pipe.shards.text_shards import WRITERS
from pipelines.launch import beam_flags, quarantine_flag


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.wet_to_c4", description=__doc__)
    add = parser.add_argument
    add("--input", help="globs of WET files, with commas (a comma in a path is written \\,); paths or URLs")
    add("--input_list", help="a file with one WET file per line (.gz too), instead of --input")
    add("--base_url", help="where crawl-data/ lies, for the lines of --input_list that are paths of Common Crawl")
    add("--output", required=True, help="folder for the shards, the manifest and the report")
    add("--variant", default="en", help=f"one of {', '.join(variants.VARIANTS)}")
    add("--compat", default="tfds-3.1.0", help=f"whose results: one of {', '.join(variants.COMPATS)}")
    add("--wet_parser", default="tfds", choices=WET_PARSERS, help="tfds reads lines as the reference; warc, lengths")
    add("--accept_other_records", action="store_true", help="go on where no file begins as a WET file does")
    add("--languages", help="keep these only (with commas); all of the variant's if not given")
    add("--language_identifier", choices=IDENTIFIERS, help="the variant's if not given")
    add("--assets", help="folder with punkt_tab, badwords, realnews; downloaded once if not given")
    add("--sentence_model", default=PUNKT_TAB, help="punkt_tab, bundled, or a folder with Punkt's four files")
    add("--badwords", metavar="LANG:FILE,...", help="bad words of your own, one per line, instead of a language's list")
    add("--urls", help="for webtextlike: the URLs to keep, one a line (.gz too)")
    add("--exclude_urls", help="URLs or domains that must not be in the corpus, one a line (.gz too)")
    add("--num_shards", type=int, help="shards of a training split; the number of WET files, 1,024 at most")
    add("--format", default="json.gz", choices=WRITERS, help="of the text shards")
    add("--work_dir", help="where to make the folder of the work, some three times the input; OUTPUT if not given")
    add("--keep_work", action="store_true", help="leave the work folder there when all is done")
    add("--samples_per_rule", type=int, default=20, help="dropped pages and lines that the report shows of each rule")
    quarantine_flag.add(parser)
    add("--overwrite", action="store_true", help="replace what another run left in the output folder")
    add("--dry_run", action="store_true", help="say what would be done, and how much time, memory and disk it takes")
    return parser


def check(flags: argparse.Namespace) -> None:
    """Raises: UserError for what is wrong with the flags by themselves, before anything is read."""
    variant, _ = variants.variant_named(flags.variant), variants.compat_named(flags.compat)
    variants.languages_of(variant, flags.languages)
    if flags.num_shards is not None and not 1 <= flags.num_shards <= 99_999:
        raise UserError("--num_shards must be between 1 and 99999")
    if flags.samples_per_rule < 0:
        raise UserError(f"--samples_per_rule={flags.samples_per_rule} is below 0; give 0 to keep no samples")
    quarantine_flag.check(flags)
    if variant.listed_urls and not flags.urls:
        raise UserError(f"variant {variant.name} needs --urls=FILE: the URLs to keep, one a line")
    if flags.urls and not variant.listed_urls:
        raise UserError(f"variant {variant.name} takes no --urls; --variant=webtextlike does")


def main(argv: Sequence[str] | None = None) -> int:
    flags, left = beam_flags.parse(parser(), argv)
    check(flags)
    from pipelines.actions import wet_to_c4

    return wet_to_c4.perform(flags, left)


if __name__ == "__main__":
    run(main)
