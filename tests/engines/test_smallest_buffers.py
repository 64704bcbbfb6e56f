"""wet_to_c4 on a Flink cluster with the smallest memory segments, and little memory to sort in. Run by `make engines`.

It fails if an element does not fit into a sort buffer. Elements of 64 KiB fit too.
"""

import os
from pathlib import Path

import pytest

from c4pipe.demo.pack_crawl import wet_record
from c4pipe.stages.wet_to_c4.packed_rows import MAX_ELEMENT_BYTES
from tools.engines import chain
from tools.engines.flink.cluster import Cluster, Settings
from tools.engines.servers import Servers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("C4PIPE_ENGINES"), reason="needs Java and a Flink cluster: make engines"),
]
# Flink's smallest segment.
SEGMENT_BYTES = 4 << 10
MANAGED_BYTES = 4 << 20
LINE_KEY_BYTES = 36
NUM_PAGES = 5 * MAX_ELEMENT_BYTES // LINE_KEY_BYTES
SENTENCES = (
    "Every page of this site has the line that you are reading now.",
    "This is page number {n} of a site with a great many pages.",
    "The page before it has the number {n} minus one, as you would expect.",
    "You will find page {n} in the catalogue of the library of our town.",
    "Whoever reads page {n} to its end has read a rather short page.",
    "Nobody has counted how often page {n} was read during the last year.",
)


def write_repeating_file(path: Path) -> None:
    """A WET file whose pages all have a line, so that the line's keys and losers fill several elements."""
    path.parent.mkdir()
    headers = {"WARC-Date": "2024-05-18T00:00:00Z", "Content-Type": "text/plain"}
    text = "\n".join(SENTENCES)
    records = [
        wet_record("conversion", {**headers, "WARC-Target-URI": f"https://site.example/{n}"}, text.format(n=n).encode())
        for n in range(NUM_PAGES)
    ]
    path.write_bytes(b"".join(records))


def test_the_largest_elements_fit_into_small_sort_buffers(tmp_path):
    write_repeating_file(tmp_path / "wet" / "repeating.warc.wet.gz")
    flags = (f"--input={tmp_path}/wet/*.gz", "--variant=en.noblocklist", "--sentence_model=bundled")
    command = chain.Run("wet_to_c4", "c4", flags)
    local, output = tmp_path / "local", tmp_path / "flink"
    for folder in (local, output):
        folder.mkdir()
    chain.execute(command, local, [], local / "log")
    settings = Settings(segment_bytes=SEGMENT_BYTES, managed_bytes=MANAGED_BYTES, restarts=0)
    with Servers(tmp_path / "servers") as servers:
        chain.execute(command, output, Cluster(servers, tmp_path / "servers", settings).start(), output / "log")
    assert chain.differences(chain.digests(output / "c4"), chain.digests(local / "c4")) == []
