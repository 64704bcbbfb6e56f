"""The work files (`work_files.PagesWriter`) of pages that passed the language stage, before the last stages."""

from dataclasses import dataclass

import pyarrow as pa

from c4pipe.shards.work.work_files import FINISHED


@dataclass(frozen=True, slots=True)
class JudgedPage:
    """A page that passed the stages up to its language.

    row: its row in the file of cleaned pages. probability: how sure the identifier is of its language.
    """

    row: int
    record: int
    url: str
    timestamp: str
    text: str
    language: str
    probability: float


JUDGED = pa.schema([*FINISHED, pa.field("language", pa.string(), nullable=False)])
