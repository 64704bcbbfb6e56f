"""The flags that several pipelines have. Each function makes a field of a command's flags (see `command_line.flag`)."""

import argparse
from typing import Any

from c4pipe.command_line import flag
from c4pipe.corpus.pinned_assets import PUNKT_TAB
from c4pipe.errors import UserError
from c4pipe.shards.reading import plain_text


def page_per() -> Any:
    return flag(
        plain_text.LINE,
        choices=plain_text.PAGE_PER,
        help="what counts as a page in plain text (.txt): each line, or the whole file",
    )


def num_extra_ids() -> Any:
    return flag(None, help="number of sentinels, if the folder of the vocabulary does not say it")


def sentence_model() -> Any:
    return flag(PUNKT_TAB, metavar="NAME_OR_DIR", help="punkt_tab, bundled, or a folder with Punkt's four files")


def max_quarantined_fraction() -> Any:
    return flag(0.01, help="the run fails if more than this share of the records cannot be used")


def overwrite() -> Any:
    return flag(False, help="replace the result of another run in the output folder")


def check_quarantined_fraction(flags: argparse.Namespace) -> None:
    """Raises: UserError if `--max_quarantined_fraction` is not between 0 and 1."""
    if not 0 <= flags.max_quarantined_fraction <= 1:
        raise UserError(f"--max_quarantined_fraction={flags.max_quarantined_fraction} is not a share; give 0 to 1")
