"""What every worker of drop_near_duplicates knows: the shards, the banding, and where each work file lies."""

from dataclasses import asdict, dataclass

from c4pipe.folders.results import run_name
from c4pipe.near_duplicates.signatures import Banding
from c4pipe.near_duplicates_run.clustering import Clustering
from c4pipe.shards import files, names


@dataclass(frozen=True)
class TextShard:
    """One text shard: its place among all, its place among the `count` shards of its split, and its path.

    sha256: what its folder's manifest says it is; None where nothing does.
    """

    number: int
    path: str
    split: str
    index: int
    count: int
    sha256: str | None = None


@dataclass(frozen=True)
class Plan:
    """code: names the version that makes the work files. format: of the shards that are written."""

    output: str
    work: str
    banding: Banding
    format: str
    code: str
    num_shards: int
    bucket_bytes: int = 16 << 20

    @property
    def clustering(self) -> Clustering:
        """What the workers know that find clusters."""
        return Clustering(self.work, self.banding, self.bucket_bytes)

    @property
    def signing_key(self) -> str:
        """Names all that decides the keys of a shard, its text apart."""
        return run_name(asdict(self.banding), self.code)

    @property
    def result(self) -> str:
        """Where the graph leaves what the launcher wants to know."""
        return files.join(self.work, "result.json")

    def signed(self, shard: TextShard, ending: str = "") -> str:
        """`ending`: that of the keys or the priorities, or `.json` (the record, written last)."""
        return files.join(self.work, "signed", f"{shard.number:05d}{ending}")

    def later(self, run_key: str, kind: str, name: str) -> str:
        """A work file that depends on all shards together."""
        return self.clustering.later(run_key, kind, name)

    def record(self, shard: TextShard, run_key: str) -> str:
        """The record of what was written of a shard, which is written last."""
        return self.later(run_key, "written", f"{shard.number:05d}.json")

    def members(self, shard: TextShard, run_key: str) -> str:
        """The shard's rows of `clusters.parquet`."""
        return self.later(run_key, "written", f"{shard.number:05d}.parquet")

    def written(self, shard: TextShard) -> str:
        """The path of a shard of the output."""
        return files.join(self.output, names.text_shard(shard.split, shard.index, shard.count, f".{self.format}"))

    def provenance(self, shard: TextShard) -> str:
        """The path of its provenance file, written where the shard that was read has one."""
        return files.join(self.output, names.provenance(shard.split, shard.index, shard.count))
