"""The estimate of `--dry_run` judges its sample by every stage that the run would have."""

import gzip
import re
from pathlib import Path

import pytest
from small_crawl import write_crawl, write_punkt

from c4pipe.corpus.pinned_assets import BADWORDS
from pipelines import wet_to_c4


@pytest.fixture(scope="module")
def crawl(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("crawl")
    write_crawl(folder / "wet", num_files=1)
    write_punkt(folder / "punkt")
    (folder / "badwords").write_text("frobnicated\n")
    (folder / "all_sites").write_text("".join(f"site{number}.example.org\n" for number in range(5)))
    (folder / "another_url").write_text("https://another.example.org/page\n")
    return folder


@pytest.fixture
def percent_kept(crawl, capsys, tmp_path):
    """(variant, further flags) -> the per cent of the sample's pages that the estimate says are kept."""

    def run(variant: str, *more: str, wet: Path = crawl / "wet") -> int:
        flags = [f"--input={wet}/*.gz", f"--output={tmp_path / 'c4'}", f"--variant={variant}", "--dry_run", *more]
        assert wet_to_c4.main([*flags, f"--sentence_model={crawl / 'punkt'}"]) == 0
        found = re.search(r"(\d+)% kept", capsys.readouterr().out)
        assert found
        return int(found[1])

    return run


def test_excluded_urls_are_not_kept(crawl, percent_kept):
    assert percent_kept("en.noblocklist") > 0
    assert percent_kept("en.noblocklist", f"--exclude_urls={crawl / 'all_sites'}") == 0


def test_urls_that_are_not_listed_are_not_kept(crawl, percent_kept):
    assert percent_kept("webtextlike", f"--urls={crawl / 'another_url'}", f"--badwords={crawl / 'badwords'}") == 0


def test_pages_without_paragraphs_are_not_kept_where_a_variant_wants_them(crawl, percent_kept, tmp_path):
    for pinned in BADWORDS:
        path = tmp_path / "assets" / pinned.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("frobnicated\n")
    flags = ("--language_identifier=langdetect", f"--assets={tmp_path / 'assets'}")
    for name, num_lines, expected in (("paragraphs", 3, 100), ("short", 2, 0)):
        text = "\n".join(["This is a line of English text, and it is as long as a paragraph. " * 5] * num_lines)
        head = "WARC/1.0\r\nWARC-Target-URI: https://a.example/\r\nWARC-Date: 2019-04-25T12:00:00Z\r\n\r\n"
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.warc.wet.gz").write_bytes(gzip.compress(f"{head}{text}\r\n\r\n".encode()))
        assert percent_kept("multilingual", *flags, wet=folder) == expected, name
