"""The flags that choose the recipe of a corpus: a built-in variant by name, or the user's own file."""

import argparse
from dataclasses import replace

from c4pipe.corpus.recipes import recipe_files
from c4pipe.corpus.recipes.variant import Variant
from c4pipe.corpus.variants import (
    MINHASH,
    VARIANTS,
    for_run,
    languages_of,
    of_one_language,
    variant_named,
)
from c4pipe.errors import UserError
from c4pipe.shards import files

DEFAULT = "en"


def variant_of(flags: argparse.Namespace) -> Variant:
    """The variant that the flags choose. Raises: UserError if it does not exist, or if the file is not a recipe."""
    variant = _named_or_read(flags)
    if flags.near_duplicates is not None:
        variant = replace(variant, near_duplicates=flags.near_duplicates == MINHASH)
    if flags.language_header is not None:
        variant = replace(variant, language_header=flags.language_header)
    return variant


def _named_or_read(flags: argparse.Namespace) -> Variant:
    if flags.recipe is None:
        return variant_named(flags.variant or DEFAULT)
    if flags.variant is not None:
        raise UserError("--variant and --recipe both choose the recipe; give only one of them")
    try:
        text = files.read_bytes(flags.recipe).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{flags.recipe} is not TOML: it is not UTF-8 ({error.reason})") from error
    variant = recipe_files.parse(text, flags.recipe)
    ours = VARIANTS.get(variant.name)
    if ours is not None and recipe_files.digest(ours) != recipe_files.digest(variant):
        raise UserError(
            f"{flags.recipe}: name: {variant.name!r} is a variant of ours, but this recipe differs from it; "
            "give it another name"
        )
    return variant


def printed(flags: argparse.Namespace) -> str:
    """The output of `--print_recipe`: the file of a built-in variant, or the parameters of one language."""
    variant = variant_of(flags)
    languages = languages_of(variant, flags.languages)
    if variant.cleans_by_language and len(languages) == 1:
        return recipe_files.to_text(of_one_language(for_run(variant, languages, flags.language_identifier), *languages))
    is_changed = variant.near_duplicates or variant.prefers_language_header
    if flags.recipe or is_changed or languages != VARIANTS[variant.name].languages:
        return recipe_files.to_text(replace(variant, languages=languages))
    return recipe_files.text_of_ours(variant.name)
