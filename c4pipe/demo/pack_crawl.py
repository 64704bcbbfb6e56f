"""Pack the documentation of this Python installation into a small crawl of gzip WET files.

    python -m c4pipe.demo.pack_crawl --output=DIR

The files have the format of Common Crawl: one gzip member per record, with a warcinfo record first. As in a real crawl,
some pages occur twice (with the same URL at another time, or with another URL), pages have navigation, and some pages
are in no language.
"""

import hashlib
import random
import uuid
from collections.abc import Iterator

from isal import igzip

from c4pipe.command_line import Parser, run
from c4pipe.demo import documentation
from c4pipe.shards import files

NUM_FILES = 6
CRAWL = "DEMO-2024-22"
_SECONDS_PER_PAGE = 7
_NAVIGATION = ["Skip to content", "Home", "Modules | Index | Search", "Previous topic", "Next topic"]
_FOOTER = [
    "Table of contents",
    "© The authors of this documentation",
    "By reading on you agree to our terms of use and to our cookie policy.",
    "Found a mistake on this page? Please tell the people who maintain it, they are glad to hear of it.",
]


def crawled_pages(max_bytes: int) -> Iterator[tuple[str, str]]:
    """(URL, text) of every fetch of the crawl: pages with navigation, copies, and pages in no language."""
    chance = random.Random(0)
    packed = 0
    for number, (url, text) in enumerate(documentation.pages()):
        if packed >= max_bytes:
            return
        packed += len(text.encode())
        yield url, _with_navigation(text)
        if number % 17 == 3:  # the same page, changed and fetched again
            yield url, _with_navigation(text + "\nThis page was changed after it had been fetched for the first time.")
        if number % 23 == 5:  # the same text on a mirror
            yield url.replace("example", "mirror.example", 1), _with_navigation(text)
        if number % 29 == 7:  # a page of numbers
            rows = [" ".join(str(chance.randrange(10**6)) for _ in range(12)) + "." for _ in range(40)]
            yield f"https://tables.example.org/{number}.html", "\n".join(rows)


def _with_navigation(text: str) -> str:
    return "\n".join([*_NAVIGATION, text, *_FOOTER])


def wet_record(kind: str, headers: dict[str, str], body: bytes) -> bytes:
    """A WARC record as a separate gzip member."""
    identity = uuid.UUID(bytes=hashlib.md5(repr(sorted(headers.items())).encode() + body).digest())
    lines = {
        "WARC-Type": kind,
        **headers,
        "WARC-Record-ID": f"<urn:uuid:{identity}>",
        "Content-Length": str(len(body)),
    }
    head = "WARC/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    return igzip.compress(head.encode() + body + b"\r\n\r\n", 2, mtime=0)


def pack(output: str, max_bytes: int) -> list[str]:
    """Write the crawl. Returns: the paths of the WET files."""
    members: list[list[bytes]] = [[] for _ in range(NUM_FILES)]
    for number, (url, text) in enumerate(crawled_pages(max_bytes)):
        body = text.encode("utf-8", "replace")
        headers = {
            "WARC-Target-URI": url,
            "WARC-Date": _date(number),
            "Content-Type": "text/plain",
        }
        members[int(hashlib.md5(f"{url} {number}".encode()).hexdigest(), 16) % NUM_FILES].append(
            wet_record("conversion", headers, body)
        )
    paths = []
    for index, records in enumerate(members):
        name = f"{CRAWL}-{index:05d}.warc.wet.gz"
        about = f"software: c4pipe demo\r\nisPartOf: {CRAWL}\r\nformat: WARC File Format 1.0\r\n\r\n".encode()
        first = wet_record(
            "warcinfo",
            {"WARC-Date": _date(0), "WARC-Filename": name, "Content-Type": "application/warc-fields"},
            about,
        )
        files.write_bytes(files.join(output, name), first + b"".join(records))
        paths.append(files.join(output, name))
    return paths


def _date(number: int) -> str:
    seconds = number * _SECONDS_PER_PAGE
    return (
        f"2024-05-{18 + seconds // 86400:02d}T{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}Z"
    )


def main(argv: list[str] | None = None) -> int:
    parser = Parser(prog="python -m c4pipe.demo.pack_crawl", description=__doc__)
    parser.add_argument("--output", required=True, help="folder for the WET files")
    parser.add_argument("--max_bytes", type=int, default=12_000_000, help="stop after this much text")
    flags = parser.parse_args(argv)
    paths = pack(flags.output, flags.max_bytes)
    total = sum(files.size(path) for path in paths)
    print(f"{len(paths)} WET files, {total / 1e6:.1f} MB, in {flags.output}")
    return 0


if __name__ == "__main__":
    run(main)
