"""A crawl of some hundred pages, from the documentation that comes with Python: WET files with all that C4 meets."""

import contextlib
import gzip
import hashlib
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from pydoc_data import topics

NAVIGATION = "You can find the other chapters of this manual in the list on the left."


def write_crawl(folder: Path, num_files: int = 4, pages_a_file: int = 40, seed: int = 0) -> list[Path]:
    """Write WET files, one gzip member a record, as Common Crawl does; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = random.Random(seed)
    texts = list(_texts())
    paths = []
    for number in range(num_files):
        records = [_record("warcinfo", "", b"Software-Info: a test", "")]
        for page in range(pages_a_file):
            text = chosen.choice(texts)
            # Few addresses, so that copies of a page are in several files; and a line that all pages of a site share.
            url = f"https://www.site{chosen.randrange(5)}.example.org/page{chosen.randrange(num_files * 25)}.html"
            date = f"2019-04-{chosen.randrange(1, 28):02d}T0{chosen.randrange(10)}:00:00Z"
            body = (NAVIGATION + "\n" + text).encode()
            if page == 7:
                body = b"\xff\xfe not UTF-8 " + body
            if page == 11:
                body = b""
            if page == 13:
                body += b"\nLorem ipsum dolor sit amet, it says here."
            records.append(_record("conversion", url, body, date))
        path = folder / f"CC-MAIN-20190418101243-{number:05d}.warc.wet.gz"
        path.write_bytes(b"".join(gzip.compress(record, 1, mtime=0) for record in records))
        paths.append(path)
    return paths


def _texts() -> list[str]:
    found = []
    for name in sorted(topics.topics):
        lines = [" ".join(part.split()) for part in topics.topics[name].split("\n\n")]
        lines = [line for line in lines if "{" not in line and 30 < len(line) < 600]
        found.extend("\n".join(lines[start : start + 12]) for start in range(0, len(lines), 12))
    return [text for text in found if len(text) > 600]


def _record(kind: str, url: str, body: bytes, date: str) -> bytes:
    head = [f"WARC/1.0\r\nWARC-Type: {kind}"]
    if url:
        head += [f"WARC-Target-URI: {url}", f"WARC-Date: {date}"]
    head += ["Content-Type: text/plain", f"Content-Length: {len(body)}"]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body + b"\r\n\r\n"


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the files whose bytes must not depend on how a run went."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted([*folder.iterdir(), *folder.glob("_provenance/*"), *folder.glob("_keys/*")])
        if path.is_file() and not path.name.startswith("report.")
    }


def write_punkt(folder: Path) -> Path:
    """The smallest sentence model: it knows nothing, and so ends a sentence at each full stop."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("abbrev_types.txt", "collocations.tab", "ortho_context.tab", "sent_starters.txt"):
        (folder / name).write_text("")
    return folder


def command(crawl: Path, output: Path, *more: str, wet: str | None = None) -> list[str]:
    """The flags of wet_to_c4 for such a crawl. crawl: a folder with wet/ and punkt/."""
    return [
        f"--input={wet or crawl / 'wet' / '*.gz'}",
        f"--output={output}",
        "--variant=en.noblocklist",
        f"--sentence_model={crawl / 'punkt'}",
        "--max_quarantined_fraction=0.1",
        *more,
    ]


def run(flags: list[str], prepare: Callable[[], None] | None = None) -> int:
    """Run wet_to_c4 in a process of its own, after `prepare`; the signal that ended it, or 0."""
    from pipelines import wet_to_c4

    child = os.fork()
    if child == 0:
        status = 1
        try:
            if prepare is not None:
                prepare()
            status = wet_to_c4.main(flags)
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    assert os.WIFSIGNALED(ended) or os.WEXITSTATUS(ended) == 0
    return os.WTERMSIG(ended) if os.WIFSIGNALED(ended) else 0


def die_half_way(kind: str) -> None:
    """Let this process kill itself while it writes its second file with `kind` in its path."""
    from c4pipe.shards import files

    write_atomically, left = files.write_atomically, [2]

    @contextlib.contextmanager
    def write(path: str):
        with write_atomically(path) as target:
            yield target
            left[0] -= kind in path
            if not left[0]:
                target.flush()
                os.kill(os.getpid(), signal.SIGKILL)

    files.write_atomically = write
