"""The work files (`work_files.PagesWriter`) of cleaned pages, with the language whose rules cleaned them."""

from dataclasses import dataclass

import pyarrow as pa

from c4pipe.shards.work.work_files import CLEANED, CleanedPage


@dataclass(frozen=True, slots=True)
class PageInLanguage(CleanedPage):
    """A cleaned page. language: the language whose rules cleaned it; empty if the rules do not depend on it."""

    language: str


CLEANED_IN_LANGUAGE = pa.schema([*CLEANED, pa.field("language", pa.string(), nullable=False)])
