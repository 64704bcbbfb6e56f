"""Reads the list of WET files in a worker, so that the graph has only one path in it, however many files there are."""

from c4pipe.corpus_run.inputs import read_list
from c4pipe.stages.engine import beam


class ReadInputs(beam.PTransform):
    """Pipeline -> one `File` per WET file, as a plain tuple, spread over the workers."""

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
