"""`--near_duplicates=minhash`: one page of each cluster stays, whatever the order, the workers, a kill, a takedown."""

import gzip
import json
import random
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from small_crawl import _record, die_half_way, digests, run, write_punkt

from c4pipe.shards import manifest
from c4pipe.shards.text_shards import read_text_shard
from pipelines import wet_to_c4

OLD, NEW = "2019-04-18T00:00:00Z", "2019-04-20T00:00:00Z"
WORDS = """the river stands house where people often walk along green field with children who like small birds and
they wonder about every morning light that falls over old stones near water while some men build new boats for
long journeys toward distant islands under quiet stars until winter returns again"""


def text(seed: int) -> str:
    """Three English lines of 200 words each."""
    draw = random.Random(seed)
    sentences = [" ".join(draw.choices(WORDS.split(), k=20)).capitalize() + "." for _ in range(30)]
    return "\n".join(" ".join(sentences[start : start + 10]) for start in range(0, 30, 10))


def reworded(content: str, words: str) -> str:
    """The page with some words more in each line, so that no line is a copy, but few runs of five words differ."""
    return "\n".join(f"{line} {words}" for line in content.split("\n"))


# (URL, date, text) by WET file. Pages a and b have copies under other URLs.
FILES = [
    [("a", OLD, text(1)), ("b", OLD, text(2)), ("c", OLD, text(3))],
    [("a-newer", NEW, reworded(text(1), "It is new.")), ("d", OLD, text(4))],
    [
        ("b-longer", OLD, reworded(text(2), "It is longer.")),
        ("e", OLD, text(5)),
        ("a-long", OLD, reworded(text(1), "It is the longest of the old ones.")),
    ],
]


@pytest.fixture(scope="module")
def crawl(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("crawl")
    for number, pages in enumerate(FILES):
        records = [_record("conversion", f"http://{url}.example/", body.encode(), date) for url, date, body in pages]
        packed = b"".join(gzip.compress(record, 1, mtime=0) for record in records)
        (folder / f"part-{number}.warc.wet.gz").write_bytes(packed)
    write_punkt(folder / "punkt")
    return folder


def command(crawl: Path, output: Path, *more: str) -> list[str]:
    common = [f"--output={output}", "--variant=en.noblocklist", f"--sentence_model={crawl / 'punkt'}"]
    if not any(flag.startswith("--input=") for flag in more):
        more = (f"--input={crawl}/*.wet.gz", *more)
    return [*common, "--near_duplicates=minhash", "--direct_num_workers=1", *more]


def make(crawl: Path, output: Path, *more: str) -> Path:
    assert wet_to_c4.main(command(crawl, output, *more)) == 0
    return output


def urls(output: Path) -> set[str]:
    rows = [row for path in sorted(output.glob("c4-*")) for row in read_text_shard(str(path), ("url",))]
    return {row["url"].removeprefix("http://").removesuffix(".example/") for row in rows}


@pytest.fixture(scope="module")
def made(crawl, tmp_path_factory) -> Path:
    return make(crawl, tmp_path_factory.mktemp("made") / "c4", "--keep_work")


def test_one_page_of_each_cluster_stays_and_all_pages_are_listed(made):
    assert urls(made) == {"a-newer", "b-longer", "c", "d", "e"}
    report, committed = json.loads((made / "report.json").read_text()), manifest.read(str(made))
    assert report["counters"]["near-duplicate-filter/filtered"] == 3
    assert report["counters"]["near-duplicate-filter/passed"] == 5
    assert all(check["ok"] for check in report["checks"])
    funnel = {entry["stage"]: entry for entry in report["funnel"]}
    assert funnel["near-duplicate-filter"]["dropped"]["near_page_stays"]["pages"] == 3
    assert committed.statistics["near_duplicates"] == {"clusters": 2, "in_clusters": 5, "dropped": 3}
    assert committed.settings["near_duplicates"] == "minhash"
    rows = pq.read_table(made / "_provenance" / "near_duplicates.parquet").to_pylist()
    stays = {row["cluster"]: row["url"] for row in rows if row["kept"]}
    gone = {row["url"]: (stays[row["cluster"]], row["wet_file"], row["record"]) for row in rows if not row["kept"]}
    assert gone == {
        "http://a.example/": ("http://a-newer.example/", "part-0.warc.wet.gz", 0),
        "http://a-long.example/": ("http://a-newer.example/", "part-2.warc.wet.gz", 2),
        "http://b.example/": ("http://b-longer.example/", "part-0.warc.wet.gz", 1),
    }
    page = (made / "report.html").read_text()
    assert "side by side" in page and "http://a-newer.example/" in page


def test_without_the_flag_nothing_of_it_is_there(crawl, tmp_path):
    make(crawl, tmp_path / "c4", "--near_duplicates=off")
    assert urls(tmp_path / "c4") == {url for pages in FILES for url, _, _ in pages}
    report = json.loads((tmp_path / "c4" / "report.json").read_text())
    assert "near_duplicates" not in report["settings"] and "near_duplicates" not in report
    assert not [name for name in report["counters"] if name.startswith("near")]
    assert not (tmp_path / "c4" / "_provenance" / "near_duplicates.parquet").exists()


def test_neither_the_order_of_files_nor_workers_change_a_byte(crawl, made, tmp_path):
    backwards = ",".join(str(path) for path in sorted(crawl.glob("*.wet.gz"), reverse=True))
    make(crawl, tmp_path / "c4", f"--input={backwards}", "--direct_num_workers=2")
    assert digests(tmp_path / "c4") == digests(made)


def test_a_page_comes_back_when_the_one_that_stayed_is_taken_down(crawl, made, tmp_path):
    (tmp_path / "takedown").write_text("http://a-newer.example/\n")
    exclude = f"--exclude_urls={tmp_path}/takedown"
    scratch = make(crawl, tmp_path / "scratch", exclude, "--keep_work")
    # Of the two that are left, both old, the longer one stays.
    assert urls(scratch) == {"a-long", "b-longer", "c", "d", "e"}
    before = digests(scratch)
    # The same in the work of the run before, and back again.
    make(crawl, scratch, "--overwrite", "--keep_work")
    assert digests(scratch) == digests(made)
    make(crawl, scratch, exclude, "--overwrite", "--keep_work")
    assert digests(scratch) == before


@pytest.mark.parametrize("kind", [".keys", "/pairs/", "/clusters/", "/near_duplicates/"])
def test_a_killed_run_goes_on_to_the_same_bytes(crawl, made, tmp_path, kind):
    assert run(command(crawl, tmp_path / "c4"), lambda: die_half_way(kind)) == signal.SIGKILL
    assert digests(make(crawl, tmp_path / "c4")) == digests(made)


def test_damaged_work_is_made_again(crawl, made, tmp_path):
    output = make(crawl, tmp_path / "c4", "--keep_work")
    kinds = ("finished/*.judged", "finished/*.keys", "*/pairs/*", "*/clusters/*.members", "*/near_duplicates/*.parquet")
    damaged = [path for kind in kinds for path in sorted((output / "work").glob(kind))]
    assert {path.suffix for path in damaged} == {".judged", ".keys", ".pairs", ".members", ".parquet"}
    for path in damaged:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    assert digests(make(crawl, output, "--keep_work", "--overwrite")) == digests(made)
