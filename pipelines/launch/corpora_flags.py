"""The flags of each corpus, if one command makes several: `--variant=en,en.noclean` or `--recipe=A.toml,B.toml`."""

import argparse
from collections.abc import Sequence

from c4pipe.errors import UserError
from c4pipe.shards import files
from pipelines.launch import recipe_flags

# The name of the folder for work, beside the folders of the corpora.
WORK = "work"


def names_several(flags: argparse.Namespace) -> bool:
    """Whether the flags ask for more than one corpus."""
    return len(_asked(flags)[1]) > 1


def of_each_corpus(flags: argparse.Namespace) -> list[argparse.Namespace]:
    """The flags by which each corpus would be made alone; for a single corpus, the flags themselves.

    Each of several corpora has its own folder in `--output`, named for its variant. A folder of `--previous` then has
    the earlier corpora in such folders too, and `--urls` counts only for the recipes that need it.
    Raises: UserError if a name comes twice, or if the flags cannot be used for several corpora.
    """
    kind, asked = _asked(flags)
    if len(asked) <= 1:
        return [flags]
    if flags.variant is not None and flags.recipe is not None:
        raise UserError("--variant and --recipe both choose the recipe; give only one of them")
    if not all(asked):
        raise UserError(f"--{kind}={getattr(flags, kind)} has a comma without a name beside it; remove the comma")
    corpora, names = [], []
    for name in asked:
        of_corpus = argparse.Namespace(**{**vars(flags), kind: name})
        variant = recipe_flags.variant_of(of_corpus)
        if variant.name in names:
            raise UserError(
                f"--{kind} names {variant.name} twice; each corpus has a folder of its name, so give it once"
            )
        if variant.name == WORK:
            raise UserError(f"{name}: name: {WORK!r} is the folder for work beside the corpora; give it another name")
        names.append(variant.name)
        of_corpus.urls = flags.urls if variant.listed_urls else None
        of_corpus.output = flags.output and files.join(flags.output.rstrip("/") or "/", variant.name)
        of_corpus.previous = flags.previous and _inside(flags.previous, variant.name)
        corpora.append(of_corpus)
    if flags.urls and not any(of_corpus.urls for of_corpus in corpora):
        raise UserError(f"none of {', '.join(names)} accepts --urls; only --variant=webtextlike does")
    return corpora


def _asked(flags: argparse.Namespace) -> tuple[str, Sequence[str]]:
    """The flag that chooses the recipes, and its values."""
    if flags.recipe is not None:
        return "recipe", files.split_list(flags.recipe)
    return "variant", [name.strip() for name in (flags.variant or recipe_flags.DEFAULT).split(",")]


def _inside(folders: str, name: str) -> str:
    """A list of the folders of that name in a list of folders."""
    inside = [files.join(folder.rstrip("/") or "/", name) for folder in files.split_list(folders)]
    return ",".join(folder.replace(",", "\\,") for folder in inside)
