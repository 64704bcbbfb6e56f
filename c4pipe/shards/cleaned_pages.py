"""The pages of a work file after cleaning, with the language whose rules cleaned them (`work_files.PagesWriter`)."""

from dataclasses import dataclass

import pyarrow as pa

from c4pipe.shards.work.work_files import CLEANED, CleanedPage


@dataclass(frozen=True, slots=True)
class PageInLanguage(CleanedPage):
    """A cleaned page. language: whose rules cleaned it; empty where all languages are cleaned by the same rules."""

    language: str


CLEANED_IN_LANGUAGE = pa.schema([*CLEANED, pa.field("language", pa.string(), nullable=False)])
