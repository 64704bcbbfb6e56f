"""Shared by all workers that search for near-duplicates: the banding, and the paths of keys, pairs and clusters."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from c4pipe import checked_json
from c4pipe.checked_json import Count
from c4pipe.errors import UserError
from c4pipe.folders.results import run_name
from c4pipe.near_duplicates.signatures import Banding
from c4pipe.shards import files, json_files

KEYS, PRIORITIES = ".keys", ".priorities"


class Signed(NamedTuple):
    """A file whose pages have signatures.

    number: its number among all files. path: the path of its work files, without their endings. pages: the number of
    its pages. num_signed: the number of its pages with a signature. made_from: a digest of everything that determines
    the signatures.
    """

    number: int
    path: str
    pages: int
    num_signed: int
    made_from: str


class NumberedFile(NamedTuple):
    """A `Signed` file in the corpus. Its pages have the numbers `first_page` to `end_page` - 1."""

    number: int
    path: str
    first_page: int
    end_page: int
    made_from: str


_NUMBERED_FILE: Any = tuple[Count, str, Count, Count, str]


@dataclass(frozen=True)
class _Summary:
    """The content of `clusters.json`.

    sizes: (pages per cluster, number of clusters). largest: (winner, pages) of the largest clusters. drawn: (winner,
    dropped page) of a sample of clusters.
    """

    pages: Count
    clusters: Count
    in_clusters: Count
    dropped: Count
    sizes: list[tuple[Count, Count]]
    largest: list[tuple[Count, Count]]
    drawn: list[tuple[Count, Count]]


@dataclass(frozen=True)
class Clustering:
    """The parameters and paths of a clustering.

    work: the work folder. bucket_bytes: the size of the keys that a worker compares at a time.
    """

    work: str
    banding: Banding
    bucket_bytes: int = 16 << 20

    def later(self, run_key: str, kind: str, name: str) -> str:
        """The path of a work file that depends on all files."""
        return files.join(self.work, run_key, kind, name)

    def pairs(self, run_key: str, bucket: str) -> str:
        """The path of the pairs found in a bucket."""
        return self.later(run_key, "pairs", bucket)

    def members(self, run_key: str, number: int) -> str:
        """The path of the list of a file's pages that are in a cluster, with the winner of each."""
        return self.later(run_key, "clusters", f"{number:05d}.members")

    def summary(self, run_key: str) -> str:
        """The path of the summary of all clusters, which is written last."""
        return self.later(run_key, "clusters", "clusters.json")

    def read_summary(self, run_key: str) -> dict[str, Any]:
        """The summary of all clusters."""
        path = self.summary(run_key)
        return asdict(json_files.read(path, _Summary, f"remove {self.work}, and run the command again"))

    def number_pages(self, signed: Sequence[Signed], settings: str) -> str:
        """Number the pages of all files, one file after the other, and write the numbers for the workers.

        settings: a digest of everything that determines the result, besides the signatures.
        Returns: the run key, which names all work that depends on all these files.
        """
        ordered = sorted(signed)
        run_key = run_name(settings, [file.made_from for file in ordered])
        lines, first_page = [], 0
        for file in ordered:
            numbered = NumberedFile(file.number, file.path, first_page, first_page + file.pages, file.made_from)
            lines.append(json.dumps(numbered) + "\n")
            first_page = numbered.end_page
        files.write_bytes(self._numbered(run_key), "".join(lines).encode())
        return run_key

    def numbered_files(self, run_key: str) -> list[NumberedFile]:
        """The files of a run in the order of their pages."""
        path = self._numbered(run_key)
        try:
            lines = files.read_bytes(path).splitlines()
            return [NumberedFile(*checked_json.parse(line, _NUMBERED_FILE)) for line in lines]
        except ValueError as error:
            raise UserError(f"{path} is damaged ({error}); remove {self.work}, and run the command again") from error

    def _numbered(self, run_key: str) -> str:
        return self.later(run_key, "signed", "files.jsonl")
