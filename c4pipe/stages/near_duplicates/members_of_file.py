"""The pages of one file that lie in a cluster: which of them stay, and what is told of each."""

from functools import lru_cache
from typing import Any

from c4pipe.near_duplicates_run.clustering import Clustering, NumberedFile
from c4pipe.stages.near_duplicates.find_clusters import pages_to_show, read_winners

# Of a page that the report shows, as much text.
SHOWN_CHARACTERS = 3_000


class MembersOfFile:
    """made_from: what the file was when it was signed. rows: of the pages that were noted, as `cluster_files` has them.

    shown: page number -> `url` and the beginning of `text`, of the pages that the report shows.
    """

    def __init__(self, clustering: Clustering, run_key: str, number: int) -> None:
        """number: of the file."""
        numbered = _numbered(clustering, run_key)[number]
        self.made_from, self._first_page = numbered.made_from, numbered.first_page
        self._winners = read_winners(clustering, run_key, number)
        self._wanted = _wanted(clustering, run_key)
        self.rows: list[dict[str, Any]] = []
        self.shown: dict[str, dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._winners)

    def __contains__(self, row: int) -> bool:
        """Whether the page in a row of the file lies in a cluster."""
        return row in self._winners

    def dropped(self) -> frozenset[int]:
        """The rows whose pages go."""
        return frozenset(row for row, winner in self._winners.items() if winner != self._first_page + row)

    def note(self, row_in_file: int, url: str | None, timestamp: str | None, text: str, **place: Any) -> None:
        """A page of the file that lies in a cluster. place: further fields, which tell where it came from."""
        number, winner = self._first_page + row_in_file, self._winners[row_in_file]
        page = {"url": url, "timestamp": timestamp, "characters": len(text)}
        self.rows.append({"cluster": winner, "kept": winner == number, **place, **page})
        if number in self._wanted:
            self.shown[str(number)] = {"url": url, "text": text[:SHOWN_CHARACTERS]}


@lru_cache(maxsize=2)
def _numbered(clustering: Clustering, run_key: str) -> dict[int, NumberedFile]:
    """Kept for all files of a run, of which there may be 64,000."""
    return {file.number: file for file in clustering.numbered_files(run_key)}


@lru_cache(maxsize=2)
def _wanted(clustering: Clustering, run_key: str) -> frozenset[int]:
    return frozenset(pages_to_show(clustering.read_summary(run_key)))
