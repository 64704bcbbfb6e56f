"""The digest of an input is that of the bytes read. A shard that differs from its manifest is an error."""

import hashlib
from pathlib import Path

import pytest

from c4pipe.errors import UserError
from c4pipe.shards.digests import ReadDigest
from c4pipe.shards.text_shards import read_text_shard, write_text_shard

PAGES = [
    {"text": f"page {number} " * 50, "timestamp": "", "url": f"https://a.example/{number}"} for number in range(99)
]
FORMATS = ["json.gz", "json.zst", "parquet", "json"]


def write(path: Path, pages=PAGES) -> str:
    name = path.name.partition(".")[2]
    if name == "json":
        import json

        path.write_text("".join(json.dumps(page) + "\n" for page in pages))
    else:
        write_text_shard(str(path), pages, name)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", FORMATS)
def test_a_shard_is_hashed_as_it_is_read(tmp_path, name):
    path = tmp_path / f"shard.{name}"
    sha256 = write(path)
    for expected in (None, sha256):
        digest = ReadDigest(expected)
        texts = [row["text"] for row in read_text_shard(str(path), digest=digest)]
        assert texts == [page["text"] for page in PAGES]
        assert digest.sha256 == sha256


@pytest.mark.parametrize("name", FORMATS)
def test_another_shard_of_that_name_is_an_error_at_the_end_of_reading(tmp_path, name):
    path = tmp_path / f"shard.{name}"
    sha256 = write(path)
    write(path, PAGES[:-1])
    with pytest.raises(UserError, match=rf"shard\.{name} is not what its folder's manifest says"):
        list(read_text_shard(str(path), digest=ReadDigest(sha256)))


@pytest.mark.parametrize("name", ["json", "json.gz", "json.zst"])
def test_the_digest_of_a_growing_file_is_that_of_the_bytes_read(tmp_path, name):
    """Frames and lines may be appended while a file is read: what is read is what is hashed."""
    path = tmp_path / f"shard.{name}"
    write(path)
    content = path.read_bytes()
    digest, seen = ReadDigest(), []
    for row in read_text_shard(str(path), digest=digest):
        if not seen:
            path.write_bytes(content * 2)
        seen.append(row["text"])
    num_times, rest = divmod(len(seen), len(PAGES))
    assert rest == 0
    assert digest.sha256 in {hashlib.sha256(content * times).hexdigest() for times in (num_times, 2)}


def test_a_table_that_changes_while_it_is_read_is_an_error(tmp_path):
    path = tmp_path / "shard.parquet"
    write(path)
    rows = read_text_shard(str(path), digest=ReadDigest())
    next(rows)
    with open(path, "ab") as target:
        target.write(b"more")
    with pytest.raises(UserError, match="changed while it was read"):
        list(rows)
