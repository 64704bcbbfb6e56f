"""The pages of a work file between the stage of the language and the last stages (`work_files.PagesWriter`)."""

from dataclasses import dataclass

import pyarrow as pa

from c4pipe.shards.work.work_files import FINISHED


@dataclass(frozen=True, slots=True)
class JudgedPage:
    """A page that passed the stages up to its language. row: its row among the file's cleaned pages."""

    row: int
    record: int
    url: str
    timestamp: str
    text: str
    language: str


JUDGED = pa.schema([*FINISHED, pa.field("language", pa.string(), nullable=False)])
