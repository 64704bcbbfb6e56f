"""Merges the summaries of all files into one. Summaries are passed as JSON text."""

import json

import apache_beam as beam

from c4pipe.report.summary import Summary


class _Merge(beam.CombineFn):
    def __init__(self, samples_per_rule: int) -> None:
        self._samples_per_rule = samples_per_rule

    def create_accumulator(self):
        return Summary(self._samples_per_rule)

    def add_input(self, accumulator, element):
        return accumulator.merge(Summary.from_json(json.loads(element)))

    def merge_accumulators(self, accumulators):
        merged = self.create_accumulator()
        for accumulator in accumulators:
            merged.merge(accumulator)
        return merged

    def extract_output(self, accumulator):
        return json.dumps(accumulator.to_json())


class MergeSummaries(beam.PTransform):
    """JSON texts of `Summary` -> one merged JSON text, even if there are no inputs."""

    def __init__(self, samples_per_rule: int) -> None:
        super().__init__()
        self._samples_per_rule = samples_per_rule

    def expand(self, summaries):
        return summaries | beam.CombineGlobally(_Merge(self._samples_per_rule))
