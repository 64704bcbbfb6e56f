"""The pages of one file that are in a cluster: which of them are dropped, and the rows of `clusters.parquet`."""

from functools import lru_cache
from typing import Any

from c4pipe.near_duplicates_run.clustering import Clustering, NumberedFile
from c4pipe.stages.near_duplicates.find_clusters import pages_to_show, read_winners

# The characters of text for a page that the report shows.
SHOWN_CHARACTERS = 3_000


class MembersOfFile:
    """The members of clusters in one file.

    made_from: the digest of the file when it was signed. rows: the rows of `cluster_files` for the pages given to
    `note`. shown: for the pages that the report shows, page number -> `url` and the beginning of `text`.
    """

    def __init__(self, clustering: Clustering, run_key: str, number: int) -> None:
        """number: the number of the file."""
        numbered = _numbered(clustering, run_key)[number]
        self.made_from, self._first_page = numbered.made_from, numbered.first_page
        self._winners = read_winners(clustering, run_key, number)
        self._wanted = _wanted(clustering, run_key)
        self.rows: list[dict[str, Any]] = []
        self.shown: dict[str, dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._winners)

    def __contains__(self, row: int) -> bool:
        """Whether the page in this row of the file is in a cluster."""
        return row in self._winners

    def dropped(self) -> frozenset[int]:
        """The rows of the dropped pages."""
        return frozenset(row for row, winner in self._winners.items() if winner != self._first_page + row)

    def note(self, row_in_file: int, url: str | None, timestamp: str | None, text: str, **place: Any) -> None:
        """Record a page of the file that is in a cluster. place: further fields, which tell its origin."""
        number, winner = self._first_page + row_in_file, self._winners[row_in_file]
        page = {"url": url, "timestamp": timestamp, "characters": len(text)}
        self.rows.append({"cluster": winner, "kept": winner == number, **place, **page})
        if number in self._wanted:
            self.shown[str(number)] = {"url": url, "text": text[:SHOWN_CHARACTERS]}


@lru_cache(maxsize=2)
def _numbered(clustering: Clustering, run_key: str) -> dict[int, NumberedFile]:
    """The files of a run by number. Cached, because there may be 64,000 of them."""
    return {file.number: file for file in clustering.numbered_files(run_key)}


@lru_cache(maxsize=2)
def _wanted(clustering: Clustering, run_key: str) -> frozenset[int]:
    return frozenset(pages_to_show(clustering.read_summary(run_key)))
