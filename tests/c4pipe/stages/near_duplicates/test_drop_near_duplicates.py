"""The pipeline on small shards: the pages that stay; order, buckets and restarts change no byte."""

import random
from pathlib import Path

import apache_beam as beam
import pyarrow.parquet as pq
import pytest

from c4pipe.errors import UserError
from c4pipe.near_duplicates.signatures import Banding, Signatures
from c4pipe.near_duplicates_run.plan import Plan
from c4pipe.shards.text_shards import TextShard, read_text_shard, write_text_shard
from c4pipe.stages.near_duplicates import write_kept
from c4pipe.stages.near_duplicates.drop_near_duplicates import DropNearDuplicates
from c4pipe.stages.near_duplicates.find_clusters import find_clusters
from c4pipe.stages.near_duplicates.sign_pages import sign_shard

OLD, NEW = "2019-04-18T00:00:00Z", "2024-05-18T00:00:00Z"


def text(seed: int, num_words: int = 300) -> str:
    draw = random.Random(seed)
    return " ".join("".join(draw.choices("abcdefgh", k=5)) for _ in range(num_words)) + "."


def changed(page: str, share: float) -> str:
    words = page.split()
    draw = random.Random(len(page))
    for place in draw.sample(range(len(words)), round(share * len(words))):
        words[place] = "changed"
    return " ".join(words)


def page(url: str, content: str, timestamp: str = OLD) -> dict:
    return {"text": content, "timestamp": timestamp, "url": url}


PAGES = [
    [page("a", text(1)), page("b", text(2)), page("short", "Too short."), page("c", text(3))],
    [page("b again", text(2)), page("a newer", changed(text(1), 0.01), NEW), page("short again", "Too short.")],
    [
        page("longer c", text(3) + " And a few words more."),
        page("d", text(4)),
        page("far from a", changed(text(1), 0.4)),
    ],
]
KEPT = [["b", "short"], ["a newer", "short again"], ["longer c", "d", "far from a"]]


def write_shards(folder: Path) -> list[TextShard]:
    shards = []
    for number, rows in enumerate(PAGES):
        path = str(folder / f"c4-train.{number:05d}-of-00003.json.gz")
        write_text_shard(path, rows)
        shards.append(TextShard(path, "train", number, 3, number=number))
    return shards


def run(shards: list[TextShard], folder: Path, bucket_bytes: int = 16 << 20) -> Plan:
    work = str(folder / "work")
    plan = Plan(str(folder), work, Banding(), "json.gz", "test", len(shards), bucket_bytes)
    with beam.Pipeline("FnApiRunner") as pipeline:
        _ = pipeline | DropNearDuplicates(plan, shards)
    return plan


def urls(plan: Plan, shards: list[TextShard]) -> list[list[str]]:
    return [[row["url"] for row in read_text_shard(plan.written(shard), ("url",))] for shard in shards]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("c4-*")}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, list[TextShard], Plan]:
    folder = tmp_path_factory.mktemp("near")
    (folder / "in").mkdir()
    shards = write_shards(folder / "in")
    return folder / "out", shards, run(shards, folder / "out")


def test_the_newest_then_the_longest_page_of_a_cluster_stays(made):
    _, shards, plan = made
    assert urls(plan, shards) == KEPT


def test_dropped_pages_are_listed_with_the_pages_that_stayed(made):
    folder, _, _ = made
    tables = [pq.read_table(path) for path in sorted(folder.glob("work/*/written/*.parquet"))]
    rows = [row for table in tables for row in table.to_pylist()]
    stayed = {row["cluster"]: row["url"] for row in rows if row["kept"]}
    assert {row["url"]: stayed[row["cluster"]] for row in rows if not row["kept"]} == {
        "a": "a newer",
        "b again": "b",
        "c": "longer c",
    }


def test_small_buckets_give_the_same_bytes(made, tmp_path):
    folder, shards, _ = made
    run(shards, tmp_path / "out", bucket_bytes=1)
    assert content(tmp_path / "out") == content(folder)


def test_a_second_run_reuses_finished_work(made, monkeypatch):
    folder, shards, _ = made
    before = content(folder)
    monkeypatch.setattr(write_kept, "write_text_shard", None)
    run(shards, folder)
    assert content(folder) == before


def test_a_shard_that_changed_is_signed_again(made, tmp_path):
    _, shards, _ = made
    plan = run(shards, tmp_path)
    replaced = tmp_path / "replaced.json.gz"
    write_text_shard(str(replaced), [page("b third", text(2), NEW)])
    others = [*shards[:2], TextShard(str(replaced), "train", 2, 3, number=2)]
    run(others, tmp_path)
    assert urls(plan, others) == [["short", "c"], ["a newer", "short again"], ["b third"]]


def test_a_shard_that_changes_after_it_was_signed_is_an_error(tmp_path):
    (tmp_path / "in").mkdir()
    shards = write_shards(tmp_path / "in")
    plan = Plan(str(tmp_path / "out"), str(tmp_path / "work"), Banding(), "json.gz", "test", len(shards))
    signatures = Signatures(plan.banding)
    signed = [sign_shard(shard, plan, signatures) for shard in shards]
    run_key = find_clusters([], plan.clustering, plan.clustering.number_pages(signed, ""))
    write_text_shard(shards[0].path, PAGES[0][:-1])
    with pytest.raises(UserError, match="changed while it was read"):
        write_kept.write_kept(shards[0], plan, run_key)
    assert not Path(plan.written(shards[0])).exists()
    assert write_kept.write_kept(shards[1], plan, run_key) == 1


def test_damaged_keys_pairs_and_members_are_made_again(made, tmp_path):
    folder, shards, _ = made
    run(shards, tmp_path)
    kinds = ("signed/*.keys", "signed/*.priorities", "*/pairs/*", "*/clusters/*.members")
    damaged = [path for kind in kinds for path in sorted((tmp_path / "work").glob(kind))]
    assert len(damaged) == 3 + 3 + 14 + 3
    for path in damaged:
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    for path in tmp_path.glob("c4-*"):
        path.unlink()
    run(shards, tmp_path)
    assert content(tmp_path) == content(folder)
