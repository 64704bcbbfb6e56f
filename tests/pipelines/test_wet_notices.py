"""wet_to_c4 refuses files that are not WET files, and says which records it met that no WET file has."""

import gzip
import json

import pytest
from small_crawl import write_punkt

from c4pipe.errors import UserError
from pipelines import wet_to_c4

TEXT = "\n".join(f"Line {number} of a page is a sentence that is long enough to stay." for number in range(6))


def record(kind: str, number: int, version: str = "WARC/1.0", body: str = TEXT) -> bytes:
    content = body.replace("Line", f"Page {number}, line").encode()
    lines = [
        version,
        f"WARC-Type: {kind}",
        f"WARC-Target-URI: http://a.example/{number}",
        f"WARC-Date: 2019-04-18T05:15:{number:02d}Z",
        f"Content-Length: {len(content)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content + b"\r\n\r\n"


@pytest.fixture
def make(tmp_path, capsys):
    """Runs the command on WET files, each a list of records. Returns: (what it said, URLs of the corpus, report)."""
    write_punkt(tmp_path / "punkt")

    def run(files: list[list[bytes]], *flags: str) -> tuple[str, list[str], dict]:
        for number, records in enumerate(files):
            (tmp_path / f"{number}.warc.wet.gz").write_bytes(gzip.compress(b"".join(records), mtime=0))
        given = [f"--input={tmp_path}/*.gz", f"--output={tmp_path}/c4", f"--sentence_model={tmp_path}/punkt"]
        fixed = ["--variant=en.noblocklist", "--direct_num_workers=1", "--num_shards=1"]
        assert wet_to_c4.main([*given, *fixed, *flags]) == 0
        lines = [
            line
            for path in (tmp_path / "c4").glob("c4-*.json.gz")
            for line in gzip.decompress(path.read_bytes()).splitlines()
        ]
        urls = sorted(json.loads(line)["url"] for line in lines)
        return capsys.readouterr().err, urls, json.loads((tmp_path / "c4" / "report.json").read_text())

    return run


WARC = [record("warcinfo", 0), *[record(kind, number) for number in (1, 2) for kind in ("request", "response")]]
WAT = [record("warcinfo", 0), *[record("metadata", number, body='{"a": "json"}') for number in (1, 2, 3)]]
OTHER_VERSION = [record("conversion", number, "WARC/1.1") for number in range(1, 6)]
WET = [record("warcinfo", 0), *[record("conversion", number) for number in (1, 2, 3)]]


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (WARC, r"0.warc.wet.gz looks like a WARC file, not a WET file: its first records are request, response"),
        (WAT, r"0.warc.wet.gz looks like a WAT file, not a WET file: its first records are metadata"),
        (OTHER_VERSION, r"has records of WARC/1.1, which the reference's parser reads as text; --wet_parser=warc"),
    ],
    ids=["WARC", "WAT", "version"],
)
def test_files_that_are_not_wet_files_are_refused_before_any_work(make, records, said, tmp_path):
    with pytest.raises(UserError, match=said):
        make([records])
    assert not (tmp_path / "c4").exists()


def test_read_nevertheless_they_are_told_with_counts(make):
    said, _, report = make([WARC], "--accept_other_records", "--max_quarantined_fraction=1")
    notice = "4 of 5 records are not conversion records (2 request, 2 response): this looks like a WARC file"
    assert f"notice: {notice}" in said
    (in_report,) = report["notices"]
    assert in_report.startswith(notice)


def test_other_records_beside_pages_are_told_with_counts(make):
    said, urls, report = make([WET, WARC], "--wet_parser=warc")
    notice = "4 of 9 records are not conversion records (2 request, 2 response)"
    assert f"notice: {notice}" in said and report["notices"][0].startswith(notice)
    assert urls == [f"http://a.example/{number}" for number in (1, 2, 3)]


def test_lines_of_another_version_are_told_with_the_way_out_which_reads_them(make):
    said, urls, report = make([WET, OTHER_VERSION], "--wet_parser=warc")
    assert "notice: " not in said.replace("notice: the work", "") and report["notices"] == []
    assert urls == [f"http://a.example/{number}" for number in range(1, 6)]


def test_lines_of_another_version_are_counted_by_the_parser_of_the_reference(make):
    said, _, report = make([WET, OTHER_VERSION], "--max_quarantined_fraction=1")
    notice = "5 lines say WARC/1.1, which the reference's parser reads as text; --wet_parser=warc reads such records"
    assert f"notice: {notice}" in said and report["notices"] == [notice]
