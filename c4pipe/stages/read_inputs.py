"""The list of WET files, read by a worker: the graph has one path in it, however many files there are."""

import json
from collections.abc import Iterator, Sequence

import apache_beam as beam

from c4pipe.shards import files
from c4pipe.stages.plan import File


def write_list(path: str, wet_files: Sequence[File]) -> None:
    """Leave the list of WET files for the workers, one JSON array a line."""
    lines = [json.dumps([file.path, file.stem], ensure_ascii=False) for file in wet_files]
    files.write_bytes(path, ("\n".join(lines) + "\n").encode())


def read_list(path: str) -> Iterator[File]:
    """The WET files of a list, in order."""
    for index, line in enumerate(files.read_bytes(path).decode().splitlines()):
        wet_path, stem = json.loads(line)
        yield File(index, wet_path, stem)


class ReadInputs(beam.PTransform):
    """-> one `File` (as a plain tuple) a WET file, spread over the workers."""

    def __init__(self, list_path: str) -> None:
        super().__init__()
        self._list_path = list_path

    def expand(self, pipeline):
        return (
            pipeline
            | beam.Create([self._list_path], reshuffle=False)
            | "Read" >> beam.FlatMap(lambda path: [tuple(file) for file in read_list(path)])
            | "Spread" >> beam.Reshuffle()
        )
