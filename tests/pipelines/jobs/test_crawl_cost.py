"""What a crawl costs, for some of its files and for all: tables of known sizes and rates, and the commands."""

import gzip

import pytest
from web_server import serving

from c4pipe.crawl.sizes import PUBLISHED, CrawlSize
from c4pipe.errors import UserError
from pipelines import crawl_to_wet, wet_to_c4
from pipelines.jobs import crawl_cost
from pipelines.jobs.crawl_cost import Machines, Rates, cost_of_corpus, size_of

# 100 files of 36 GB; 1 s of a core per GB.
SIZE, RATES = CrawlSize("CC-MAIN-2030-01", 100, 3.6e12, "a test"), Rates(1e-9, 0.5, 0.1, "a test")


@pytest.fixture
def server(tmp_path):
    """A crawl of three files of 1,000 bytes."""
    crawl = tmp_path / "served" / "crawl-data" / "CC-MAIN-2030-01"
    crawl.mkdir(parents=True)
    paths = [f"crawl-data/CC-MAIN-2030-01/{number}.warc.wet.gz" for number in range(3)]
    for path in paths:
        (tmp_path / "served" / path).write_bytes(bytes(1_000_000))
    (crawl / "wet.paths.gz").write_bytes(gzip.compress("\n".join(paths).encode()))
    with serving(tmp_path / "served") as url:
        yield url


def rows(text: str) -> dict[str, list[str]]:
    """Name of a row -> its two cells."""
    cells = [[part.strip() for part in line.split("  ") if part.strip()] for line in text.splitlines() if line]
    return {name: found for name, *found in cells if len(found) == 2}


def test_the_table_scales_with_the_files_the_cores_and_the_price(monkeypatch):
    monkeypatch.setattr(crawl_cost, "num_cores", lambda: 2)
    found = rows(cost_of_corpus(SIZE, 10, RATES, Machines(cores=16, count=10, price=0.5)))
    assert found["WET files"] == ["10", "100"]
    assert found["download, and disk for WET files"] == ["360.0 GB", "3.6 TB"]
    assert found["work folder, at most (removed at the end)"] == ["180.0 GB", "1.8 TB"]
    assert found["text shards, at most"] == ["36.0 GB", "360.0 GB"]
    assert found["core hours"] == ["0.10", "1.00"]
    assert found["price at 0.5 per core hour"] == ["0.05", "0.50"]
    assert found["time here, 2 cores"] == ["3 min 0 s", "30 min 0 s"]
    # 160 cores, but a file is read by one of them.
    assert found["time on 10 x 16 cores"] == ["36 s", "36 s"]
    assert found["memory per machine of 16 cores"] == [crawl_cost._bytes(17 * crawl_cost.WORKER_BYTES)] * 2


def test_more_files_than_the_crawl_has_are_all():
    assert rows(cost_of_corpus(SIZE, 1000, RATES, Machines(64)))["WET files"] == ["100", "100"]


def test_published_sizes_have_a_source_and_plausible_files():
    for size in PUBLISHED.values():
        assert size.source.startswith("https://commoncrawl.org/")
        assert 100e6 < size.num_bytes / size.num_files < 200e6


def test_a_published_crawl_needs_no_network(capsys):
    flags = ["--dry_run", "--crawl=CC-MAIN-2019-09", "--price_per_core_hour=0.04", "--base_url=http://127.0.0.1:1"]
    assert wet_to_c4.main(flags) == 0
    found = rows(capsys.readouterr().out)
    assert found["WET files"] == ["8", "64,000"] and found["download, and disk for WET files"][1] == "8.4 TB"
    assert "price at 0.04 per core hour" in found and any(name.startswith("time on 64 cores") for name in found)


def test_another_crawl_is_measured_by_its_list_and_its_first_file(server, tmp_path, capsys):
    size = size_of("CC-MAIN-2030-01", server)
    assert (size.num_files, size.num_bytes) == (3, 3_000_000) and "0.warc.wet.gz" in size.source
    flags = ["--crawl=CC-MAIN-2030-01", f"--base_url={server}", "--num_files=2", "--dry_run"]
    assert crawl_to_wet.main([*flags, f"--output={tmp_path}/wet"]) == 0
    found = rows(capsys.readouterr().out)
    assert found["WET files"] == ["2", "3"] and found["download, and disk for WET files"] == ["2.0 MB", "3.0 MB"]
    assert not (tmp_path / "wet").exists()


def test_files_of_the_user_are_timed_for_the_crawl(tmp_path, capsys):
    body = "\n".join(f"This is sentence number {n} of a page that was made for a test." for n in range(40)).encode()
    head = (
        "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://a.example/{}\r\nWARC-Date: 2030-01-01T00:00:00Z"
    )
    records = [
        f"{head.format(n)}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n\r\n" for n in range(60)
    ]
    (tmp_path / "a.warc.wet.gz").write_bytes(gzip.compress(b"".join(records)))
    flags = [f"--input={tmp_path}/a.warc.wet.gz", f"--output={tmp_path}/c4", "--variant=en.noblocklist"]
    flags += ["--sentence_model=bundled", "--dry_run", "--crawl=CC-MAIN-2019-09"]
    assert wet_to_c4.main(flags) == 0
    said = capsys.readouterr().out
    assert "pages in a.warc.wet.gz, timed here" in said and rows(said)["WET files"] == ["8", "64,000"]


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--crawl=CC-MAIN-2019-09"], "--crawl is only for --dry_run"),
        (["--dry_run", "--input=a", "--output=b", "--cores=3"], "--cores is only for --dry_run --crawl=CRAWL"),
        (["--dry_run", "--crawl=CC-MAIN-2019-09", "--machines=-1"], "must be at least 1"),
        (["--dry_run", "--crawl=../x"], "is not the name of a crawl"),
    ],
)
def test_mistakes_are_named(flags, why):
    with pytest.raises(UserError, match=why):
        wet_to_c4.main(flags)
