"""Make C4 from WET files: text shards, their manifest, and a report of what was dropped and why.

    python -m pipelines.wet_to_c4 --input='wet/*.warc.wet.gz' --output=c4/en

If a run was stopped for any reason, the same command continues it.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from c4pipe.command_line import Parser, add_flags, flag, importing, run
from c4pipe.corpus import variants
from c4pipe.corpus.language.catalog import IDENTIFIERS
from c4pipe.corpus.recipes.variant import LANGUAGE_HEADER
from c4pipe.corpus.wet.parsers import WET_PARSERS
from c4pipe.errors import UserError
from c4pipe.shards.text_shards import WRITERS
from pipelines.launch import beam_flags, corpora_flags, cost_flags, recipe_flags, shared_flags


@dataclass(frozen=True)
class Flags:
    input: str | None = flag(
        None,
        metavar="GLOB,...",
        help="globs of WET files (paths or URLs), separated by commas; write \\, for a comma in a path",
    )
    input_list: str | None = flag(
        None, metavar="FILE", help="a file with one WET file per line (.gz too), instead of --input"
    )
    base_url: str | None = flag(
        None,
        metavar="URL",
        help="URL that contains crawl-data/, for lines of --input_list that are paths of Common Crawl",
    )
    crawl: str | None = flag(
        None,
        metavar="CRAWL",
        help="with --dry_run: say what this crawl costs, such as CC-MAIN-2024-22; files of --input are timed for it",
    )
    num_files: int = flag(8, help="with --crawl: also for this number of files")
    output: str | None = flag(None, metavar="DIR", help="folder for the shards, the manifest and the report")
    variant: str | None = flag(
        None,
        metavar="NAME,...",
        help=f"{', '.join(variants.VARIANTS)}; several are made together, each in OUTPUT/NAME",
        otherwise=recipe_flags.DEFAULT,
    )
    recipe: str | None = flag(None, metavar="FILE,...", help="your own recipe files (TOML), instead of --variant")
    near_duplicates: str | None = flag(
        None,
        choices=variants.NEAR_DUPLICATES,
        help="minhash: drop pages that are nearly equal to another page",
        otherwise="the recipe's; off in all variants",
    )
    language_header: str | None = flag(
        None,
        choices=LANGUAGE_HEADER,
        help="prefer: skip pages whose header names only other languages",
        otherwise="the recipe's",
    )
    print_recipe: bool = flag(False, help="print the recipe, from which you can make your own")
    compat: str = flag(
        "tfds-3.1.0",
        metavar="NAME",
        help=f"the version whose results are reproduced: one of {', '.join(variants.COMPATS)}",
    )
    wet_parser: str = flag(
        "tfds", choices=WET_PARSERS, help="tfds: line by line, like the reference; warc: by Content-Length"
    )
    accept_other_records: bool = flag(False, help="continue even if no file begins like a WET file")
    languages: str | None = flag(
        None, metavar="LANG,...", help="languages to keep, separated by commas", otherwise="all of the variant"
    )
    language_identifier: str | None = flag(
        None, choices=IDENTIFIERS, help="the language identifier", otherwise="the variant's"
    )
    language_probability: bool = flag(
        False, help="add the column language_probability to the shards: how sure the language identifier is (0 to 1)"
    )
    assets: str | None = flag(
        None, metavar="DIR", help="folder with punkt_tab, badwords, realnews", otherwise="they are downloaded once"
    )
    sentence_model: str = shared_flags.sentence_model()
    badwords: str | None = flag(
        None, metavar="LANG:FILE,...", help="your own bad words, one per line, instead of a language's list"
    )
    urls: str | None = flag(None, metavar="FILE", help="for webtextlike: the URLs to keep, one per line (.gz too)")
    exclude_urls: str | None = flag(
        None, metavar="FILE", help="URLs or domains that must not be in the corpus, one per line (.gz too)"
    )
    previous: str | None = flag(
        None,
        metavar="DIR,...",
        help="finished corpora of earlier crawls: their pages (by URL) and lines do not come again, and the new crawl "
        "gets its own folder",
    )
    keys: str = flag(
        variants.KEYS_KEPT,
        choices=variants.KEYS,
        help="keep: write the keys of URLs and lines that --previous needs when another crawl is added; off: do not",
    )
    num_shards: int | None = flag(
        None, help="shards per training split", otherwise="the number of WET files, at most 1,024"
    )
    format: str = flag("json.gz", choices=WRITERS, help="format of the text shards")
    work_dir: str | None = flag(
        None,
        metavar="DIR",
        help="where to create the work folder, about three times the size of the input",
        otherwise="OUTPUT",
    )
    keep_work: bool = flag(False, help="do not remove the work folder at the end")
    samples_per_rule: int = flag(20, help="dropped pages and lines per rule that the report shows")
    max_quarantined_fraction: float = shared_flags.max_quarantined_fraction()
    overwrite: bool = shared_flags.overwrite()
    dry_run: bool = flag(False, help="only say what would be done, and how much time, memory and disk it needs")


def parser() -> Parser:
    parser = Parser(prog="python -m pipelines.wet_to_c4", description=__doc__)
    add_flags(parser, None, Flags)
    cost_flags.add(parser)
    return parser


def check(flags: argparse.Namespace) -> None:
    """Raises: UserError for mistakes in the flags that can be found before anything is read."""
    cost_flags.check(flags)
    if flags.crawl and not flags.dry_run:
        raise UserError("--crawl is only for --dry_run; pipelines.crawl_to_wet downloads the files of a crawl")
    if flags.crawl and corpora_flags.names_several(flags):
        raise UserError("--crawl tells the cost of one corpus; give one --variant or --recipe")
    if flags.crawl and not (flags.input or flags.input_list):
        return
    if flags.output is None:
        raise UserError("the following arguments are required: --output (see python -m pipelines.wet_to_c4 --help)")
    variants.compat_named(flags.compat)
    for of_corpus in corpora_flags.of_each_corpus(flags):
        _check_recipe(of_corpus)
    if flags.num_shards is not None and not 1 <= flags.num_shards <= 99_999:
        raise UserError("--num_shards must be between 1 and 99999")
    if flags.samples_per_rule < 0:
        raise UserError(f"--samples_per_rule={flags.samples_per_rule} is negative; give 0 to keep no samples")
    shared_flags.check_quarantined_fraction(flags)


def _check_recipe(flags: argparse.Namespace) -> None:
    """Raises: UserError for mistakes in the flags of one corpus that depend on its recipe."""
    variant = recipe_flags.variant_of(flags)
    variants.for_run(variant, variants.languages_of(variant, flags.languages), flags.language_identifier)
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
        if corpora_flags.names_several(flags):
            raise UserError("--print_recipe prints one recipe; give one --variant or --recipe")
        print(recipe_flags.printed(flags), end="")
        return 0
    check(flags)
    with importing():
        from pipelines.actions import wet_to_c4
    return wet_to_c4.perform(flags, left)


if __name__ == "__main__":
    run(main)
