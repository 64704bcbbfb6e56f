"""Finds the clusters of signed files, and writes them to the work folder. Only keys are compared, never text."""

from c4pipe.near_duplicates_run.clustering import Clustering, Signed
from c4pipe.shards import files
from c4pipe.stages.engine import beam
from c4pipe.stages.gather import Gather, chained, read_gathered
from c4pipe.stages.near_duplicates.find_clusters import find_clusters
from c4pipe.stages.near_duplicates.match_pages import bucket_edges, match_bucket


class ClusterPages(beam.PTransform):
    """`Signed` files -> one element, the run key by which their clusters are found.

    settings: a digest of everything that determines the result, besides the signatures.
    """

    def __init__(self, clustering: Clustering, settings: str) -> None:
        super().__init__()
        self._clustering, self._settings = clustering, settings

    def expand(self, signed):
        clustering = self._clustering
        path = files.join(clustering.work, f"signed-{self._settings[:16]}")
        all_signed = (
            signed
            | "Number signed" >> beam.Map(lambda file: (Signed(*file).number, tuple(file)))
            | "All signed" >> Gather(path, list, chained)
        )  # fmt: skip
        run_key = all_signed | "Number pages" >> beam.Map(_number_pages, clustering, self._settings)
        return (
            all_signed
            | "Lay out buckets" >> beam.FlatMap(_buckets, clustering)
            | "Spread buckets" >> beam.Reshuffle()
            | "Match pages" >> beam.Map(match_bucket, clustering, beam.pvalue.AsSingleton(run_key))
            | "All matched" >> beam.combiners.ToList()
            | "Find clusters" >> beam.Map(find_clusters, clustering, beam.pvalue.AsSingleton(run_key))
        )


def _signed(path: str) -> list[Signed]:
    return [Signed(*file) for file in read_gathered(path)]


def _number_pages(path: str, clustering: Clustering, settings: str) -> str:
    return clustering.number_pages(_signed(path), settings)


def _buckets(path: str, clustering: Clustering) -> list[tuple[int, int]]:
    num_signed = sum(file.num_signed for file in _signed(path))
    return bucket_edges(num_signed * clustering.banding.bands, clustering)
