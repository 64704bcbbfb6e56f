"""The plan that every worker of drop_near_duplicates gets: the shards, the banding, and the paths of all work files."""

from dataclasses import asdict, dataclass

from c4pipe.folders.results import run_name
from c4pipe.near_duplicates.signatures import Banding
from c4pipe.near_duplicates_run.clustering import Clustering
from c4pipe.shards import files, names
from c4pipe.shards.text_shards import TextShard


@dataclass(frozen=True)
class Plan:
    """The settings and paths of a run. code: a digest of the code. format: the format of output shards."""

    output: str
    work: str
    banding: Banding
    format: str
    code: str
    num_shards: int
    bucket_bytes: int = 16 << 20

    @property
    def clustering(self) -> Clustering:
        """The part of the plan for the workers that find clusters."""
        return Clustering(self.work, self.banding, self.bucket_bytes)

    @property
    def signing_key(self) -> str:
        """A digest of everything that determines the keys of a shard, except its text."""
        return run_name(asdict(self.banding), self.code)

    @property
    def result(self) -> str:
        """The path of the result that the pipeline writes for the launcher."""
        return files.join(self.work, "result.json")

    def signed(self, shard: TextShard, ending: str = "") -> str:
        """The path of a shard's keys, priorities or record (`.json`, written last), depending on `ending`."""
        return files.join(self.work, "signed", f"{shard.number:05d}{ending}")

    def later(self, run_key: str, kind: str, name: str) -> str:
        """The path of a work file that depends on all shards."""
        return self.clustering.later(run_key, kind, name)

    def record(self, shard: TextShard, run_key: str) -> str:
        """The path of the record of an output shard, which is written last."""
        return self.later(run_key, "written", f"{shard.number:05d}.json")

    def members(self, shard: TextShard, run_key: str) -> str:
        """The path of the shard's rows of `clusters.parquet`."""
        return self.later(run_key, "written", f"{shard.number:05d}.parquet")

    def written(self, shard: TextShard) -> str:
        """The path of an output shard."""
        return files.join(self.output, names.text_shard(shard.split, shard.index, shard.count, f".{self.format}"))

    def provenance(self, shard: TextShard) -> str:
        """The path of its provenance file, which is written if the input shard has one."""
        return files.join(self.output, names.provenance(shard.split, shard.index, shard.count))
