"""The list of WET files comes from the network, and is not trusted."""

import gzip

import pytest

from c4pipe.crawl import paths
from c4pipe.errors import UserError


def test_a_list_may_be_gzip_or_plain():
    listed = b"crawl-data/A/wet/a.wet.gz\n\ncrawl-data/A/wet/b.wet.gz\n"
    expected = ["crawl-data/A/wet/a.wet.gz", "crawl-data/A/wet/b.wet.gz"]
    assert paths.parse_list(listed, "x") == expected
    assert paths.parse_list(gzip.compress(listed, mtime=0), "x") == expected


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "a/../../b.wet.gz",
        "a/..",
        "a/.hidden",
        "a\\b",
        "http://other/b.gz",
        "a/b\0c",
        "a/%2e%2e/b.gz",
        "a/",
    ],
)
def test_a_path_that_could_leave_the_folder_is_refused(path):
    with pytest.raises(UserError, match="could leave the output folder"):
        paths.parse_list(path.encode() + b"\n", "x")


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", gzip.compress(b"a/b.wet.gz\n", mtime=0)[:-9]],
    ids=["no bytes", "no UTF-8", "cut off"],
)
def test_a_damaged_list_is_one_clear_error(content):
    with pytest.raises(UserError):
        paths.parse_list(content, "x")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "CC MAIN"])
def test_a_crawls_name_is_checked(name):
    with pytest.raises(UserError, match="not the name of a crawl"):
        paths.list_path(name)
