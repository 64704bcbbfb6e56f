"""Make C4 from WET files: text shards, their manifest, and a report of what was dropped and why.

    python -m pipelines.wet_to_c4 --input='wet/*.warc.wet.gz' --output=c4/en

If a run was stopped for any reason, the same command continues it.
"""

import argparse
from collections.abc import Sequence

from c4pipe.command_line import Parser, importing, run
from c4pipe.corpus import variants
from c4pipe.corpus.language.catalog import IDENTIFIERS
from c4pipe.corpus.pinned_assets import PUNKT_TAB
from c4pipe.corpus.wet.parsers import WET_PARSERS
from c4pipe.errors import UserError
from c4pipe.shards.text_shards import WRITERS
from pipelines.launch import beam_flags, cost_flags, folder_flags, quarantine_flag, recipe_flags


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.wet_to_c4", description=__doc__)
    add = parser.add_argument
    add(
        "--input",
        metavar="GLOB,...",
        help="globs of WET files (paths or URLs), separated by commas; write \\, for a comma in a path",
    )
    add("--input_list", metavar="FILE", help="a file with one WET file per line (.gz too), instead of --input")
    add(
        "--base_url",
        metavar="URL",
        help="URL that contains crawl-data/, for lines of --input_list that are paths of Common Crawl",
    )
    add(
        "--crawl",
        metavar="CRAWL",
        help="with --dry_run: say what this crawl costs, such as CC-MAIN-2024-22; files of --input are timed for it",
    )
    add("--num_files", type=int, default=8, help="with --crawl: also for this number of files")
    add("--output", metavar="DIR", help="folder for the shards, the manifest and the report")
    recipe_flags.add(parser)
    add(
        "--compat",
        default="tfds-3.1.0",
        metavar="NAME",
        help=f"the version whose results are reproduced: one of {', '.join(variants.COMPATS)}",
    )
    add(
        "--wet_parser",
        default="tfds",
        choices=WET_PARSERS,
        help="tfds: line by line, like the reference; warc: by Content-Length",
    )
    add("--accept_other_records", action="store_true", help="continue even if no file begins like a WET file")
    add("--languages", metavar="LANG,...", help="languages to keep, separated by commas (default: all of the variant)")
    add("--language_identifier", choices=IDENTIFIERS, help="the language identifier (default: the variant's)")
    add(
        "--language_probability",
        action="store_true",
        help="add the column language_probability to the shards: how sure the language identifier is (0 to 1)",
    )
    add("--assets", metavar="DIR", help="folder with punkt_tab, badwords, realnews (default: they are downloaded once)")
    add(
        "--sentence_model",
        default=PUNKT_TAB,
        metavar="NAME_OR_DIR",
        help="punkt_tab, bundled, or a folder with Punkt's four files",
    )
    add("--badwords", metavar="LANG:FILE,...", help="your own bad words, one per line, instead of a language's list")
    add("--urls", metavar="FILE", help="for webtextlike: the URLs to keep, one per line (.gz too)")
    add("--exclude_urls", metavar="FILE", help="URLs or domains that must not be in the corpus, one per line (.gz too)")
    _add_output_flags(parser)
    quarantine_flag.add(parser)
    folder_flags.add(parser, dry_run="only say what would be done, and how much time, memory and disk it needs")
    cost_flags.add(parser)
    return parser


def _add_output_flags(parser: Parser) -> None:
    """Add the flags about earlier crawls, shards and the work folder."""
    add = parser.add_argument
    add(
        "--previous",
        metavar="DIR,...",
        help="finished corpora of earlier crawls: their pages (by URL) and lines do not come again, and the new crawl "
        "gets its own folder",
    )
    add(
        "--keys",
        default=variants.KEYS_KEPT,
        choices=variants.KEYS,
        help="keep: write the keys of URLs and lines that --previous needs when another crawl is added; off: do not",
    )
    add("--num_shards", type=int, help="shards per training split (default: the number of WET files, at most 1,024)")
    add("--format", default="json.gz", choices=WRITERS, help="format of the text shards")
    add(
        "--work_dir",
        metavar="DIR",
        help="where to create the work folder, about three times the size of the input (default: OUTPUT)",
    )
    add("--keep_work", action="store_true", help="do not remove the work folder at the end")
    add("--samples_per_rule", type=int, default=20, help="dropped pages and lines per rule that the report shows")


def check(flags: argparse.Namespace) -> None:
    """Raises: UserError for mistakes in the flags that can be found before anything is read."""
    cost_flags.check(flags)
    if flags.crawl and not flags.dry_run:
        raise UserError("--crawl is only for --dry_run; pipelines.crawl_to_wet downloads the files of a crawl")
    if flags.crawl and not (flags.input or flags.input_list):
        return
    if flags.output is None:
        raise UserError("the following arguments are required: --output (see python -m pipelines.wet_to_c4 --help)")
    variant, _ = recipe_flags.variant_of(flags), variants.compat_named(flags.compat)
    languages = variants.languages_of(variant, flags.languages)
    variants.for_run(variant, languages, flags.language_identifier)
    if flags.num_shards is not None and not 1 <= flags.num_shards <= 99_999:
        raise UserError("--num_shards must be between 1 and 99999")
    if flags.samples_per_rule < 0:
        raise UserError(f"--samples_per_rule={flags.samples_per_rule} is negative; give 0 to keep no samples")
    quarantine_flag.check(flags)
    if flags.previous and variant.near_duplicates:
        raise UserError(
            "--previous does not find pages that are nearly equal to pages of earlier crawls; give "
            "--near_duplicates=off here, and drop_near_duplicates the folders of all crawls afterwards"
        )
    if variant.listed_urls and not flags.urls:
        raise UserError(f"variant {variant.name} needs --urls=FILE: the URLs to keep, one per line")
    if flags.urls and not variant.listed_urls:
        raise UserError(f"variant {variant.name} does not accept --urls; only --variant=webtextlike does")


def main(argv: Sequence[str] | None = None) -> int:
    flags, left = beam_flags.parse(parser(), argv)
    if flags.print_recipe:
        print(recipe_flags.printed(flags), end="")
        return 0
    check(flags)
    with importing():
        from pipelines.actions import wet_to_c4
    return wet_to_c4.perform(flags, left)


if __name__ == "__main__":
    run(main)
