"""A takedown redoes only the WET files that it concerns, and gives the corpus made from scratch without the pages."""

import json
from pathlib import Path

import pytest

from c4pipe.demo.documentation import _topics
from c4pipe.demo.pack_crawl import wet_record
from c4pipe.records import Page
from pipelines import wet_to_c4

NUM_FILES = 5


@pytest.fixture(scope="module")
def crawl(tmp_path_factory) -> Path:
    """Five WET files; no page shares a line with another."""
    folder = tmp_path_factory.mktemp("crawl")
    pages = [(url, text) for url, text in _topics() if "{" not in text and len(text) > 1000]
    assert len(pages) >= 30
    for number in range(NUM_FILES):
        records = [
            wet_record("conversion", {"WARC-Target-URI": url, "WARC-Date": "2024-05-18T00:00:00Z"}, text.encode())
            for url, text in pages[number::NUM_FILES]
        ]
        (folder / f"part-{number}.warc.wet.gz").write_bytes(b"".join(records))
    return folder


def make(crawl: Path, output: Path, *more: str) -> dict[str, bytes]:
    """Run wet_to_c4 and return the shards."""
    common = [f"--input={crawl}/*.wet.gz", f"--output={output}", "--variant=en.noblocklist", "--keep_work"]
    assert wet_to_c4.main([*common, "--sentence_model=bundled", "--direct_num_workers=1", *more]) == 0
    return {path.name: path.read_bytes() for path in sorted(output.glob("c4-*"))}


def urls_of(crawl: Path, number: int) -> list[str]:
    from c4pipe.corpus.wet.parsers import read_records

    outcomes = read_records(crawl / f"part-{number}.warc.wet.gz")
    return [outcome.url for outcome in outcomes if isinstance(outcome, Page)]


def work(output: Path, kind: str) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (output / "work" / kind).iterdir()}


def test_three_urls_touch_only_their_files(crawl, tmp_path):
    before = make(crawl, tmp_path / "c4")
    cleaned, finished = work(tmp_path / "c4", "cleaned"), work(tmp_path / "c4", "finished")
    taken_down = [*urls_of(crawl, 1)[1:3], urls_of(crawl, 3)[1]]
    (tmp_path / "takedown").write_text("\n".join(taken_down) + "\n")
    after = make(crawl, tmp_path / "c4", f"--exclude_urls={tmp_path}/takedown", "--overwrite")

    touched = {name for name, time in work(tmp_path / "c4", "cleaned").items() if cleaned.get(name) != time}
    assert {name.split(".")[0] for name in touched} == {"part-1", "part-3"}
    new = set(work(tmp_path / "c4", "finished")) - set(finished)
    assert {name.split(".")[0] for name in new} == {"part-1", "part-3"}
    changed = {name for name in after if before[name] != after[name]}
    assert changed <= {f"c4-train.{number:05d}-of-00005.json.gz" for number in (1, 3)} | {
        name for name in after if "validation" in name
    }

    assert after == make(crawl, tmp_path / "anew", f"--exclude_urls={tmp_path}/takedown")
    report = json.loads((tmp_path / "c4" / "report.json").read_text())
    assert report["counters"]["excluded-url-filter/filtered"] == 3
    assert all(check["ok"] for check in report["checks"])
    scratch = json.loads((tmp_path / "anew" / "report.json").read_text())
    for field in ("counters", "funnel", "samples", "languages", "lengths"):
        assert report[field] == scratch[field], field


def test_a_takedown_that_is_taken_back_gives_the_first_corpus_again(crawl, tmp_path):
    before = make(crawl, tmp_path / "c4")
    (tmp_path / "takedown").write_text(urls_of(crawl, 2)[0] + "\n")
    assert make(crawl, tmp_path / "c4", f"--exclude_urls={tmp_path}/takedown", "--overwrite") != before
    assert make(crawl, tmp_path / "c4", "--overwrite") == before
    report = json.loads((tmp_path / "c4" / "report.json").read_text())
    assert not [name for name in report["counters"] if name.startswith("excluded-url-filter")]
    assert "excluded-url-filter" not in [entry["stage"] for entry in report["funnel"]]


def test_all_pages_of_an_excluded_domain_are_dropped(crawl, tmp_path):
    (tmp_path / "takedown").write_text("example.org\n")
    make(crawl, tmp_path / "c4", f"--exclude_urls={tmp_path}/takedown")
    report = json.loads((tmp_path / "c4" / "report.json").read_text())
    assert report["counters"]["excluded-url-filter/filtered"] == sum(len(urls_of(crawl, n)) for n in range(NUM_FILES))
    assert sum(split["pages"] for split in report["splits"].values()) == 0
