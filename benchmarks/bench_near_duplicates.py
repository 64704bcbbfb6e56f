"""Near-duplicates: our stages and datatrove's four on the same text shards, with planted copies.

    python benchmarks/bench_near_duplicates.py [--c4=FOLDER] [--pages=N] [--no-copies] [--peers_python=PYTHON]

The text is from a C4 folder; by default, from the pages of the demo. After each tenth page there is a copy of it with 0
to 10% of its words changed, so that one can compare which copies each side finds; --no-copies leaves the text as it is,
to compare the two sides on natural text. Each side runs in a separate process.
Its seconds are CPU seconds of its stages, without imports. datatrove splits words with spaCy and ours with a simple
rule, so some pages are judged differently; their number is printed. Without datatrove, only ours runs.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

from c4pipe.shards.reading.text_sources import resolve_source
from c4pipe.shards.text_shards import read_text_shard, write_text_shard

ROOT = Path(__file__).resolve().parents[1]
STAGES = Path(__file__).with_name("near_duplicates")
SHARES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.1)
COPY_EVERY = 10
PAGES_PER_SHARD = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--c4", help="a folder of text shards")
    parser.add_argument("--pages", type=int, default=5_000, help="number of pages, without the planted copies")
    parser.add_argument("--copies", action=argparse.BooleanOptionalAction, default=True, help="plant copies of pages")
    parser.add_argument("--peers_python", default=sys.executable, help="interpreter that has datatrove")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "text")
        folder.mkdir()
        num_pages, planted = write_pages(
            flags.c4 or make_text(Path(work)), flags.pages, folder, plants_copies=flags.copies
        )
        found = {
            "c4pipe": run(sys.executable, "c4pipe_stages.py", folder),
            "datatrove": run(flags.peers_python, "datatrove_stages.py", folder),
        }
    found = {name: report for name, report in found.items() if report is not None}
    print(f"{num_pages:,} pages, {len(planted):,} of them planted copies")
    print(table(found, num_pages, planted))


def make_text(work: Path) -> str:
    """Make a corpus from Python's documentation, like the demo. Returns: its folder."""
    clean = ["--variant=en.noclean", f"--input={work}/crawl/**/*.wet.gz", f"--output={work}/c4"]
    for command in (["c4pipe.demo.pack_crawl", f"--output={work}/crawl"], ["pipelines.wet_to_c4", *clean]):
        subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return f"{work}/c4"


def write_pages(c4: str, count: int, folder: Path, *, plants_copies: bool) -> tuple[int, dict[str, float]]:
    """Write text shards. Returns: (number of pages, URL of each planted copy -> share of changed words)."""
    draw, planted, rows = random.Random(0), dict[str, float](), list[dict[str, Any]]()
    pages = islice((row for path in resolve_source(c4) for row in read_text_shard(path, ("text", "url"))), count)
    for number, page in enumerate(pages):
        rows.append({"text": page["text"], "url": f"http://{number}.example/", "timestamp": "2019-04-18T00:00:00Z"})
        if plants_copies and number % COPY_EVERY == 0:
            share, url = SHARES[number // COPY_EVERY % len(SHARES)], f"http://{number}.example/copy"
            planted[url] = share
            rows.append({"text": changed(page["text"], share, draw), "url": url, "timestamp": "2018-04-18T00:00:00Z"})
    shards = [rows[start : start + PAGES_PER_SHARD] for start in range(0, len(rows), PAGES_PER_SHARD)]
    for number, shard in enumerate(shards):
        write_text_shard(str(folder / f"c4-train.{number:05d}-of-{len(shards):05d}.json.gz"), shard)
    return len(rows), planted


def changed(text: str, share: float, draw: random.Random) -> str:
    words = text.split(" ")
    for place in draw.sample(range(len(words)), round(share * len(words))):
        words[place] = "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=6))
    return " ".join(words)


def run(python: str, script: str, folder: Path) -> dict[str, Any] | None:
    """Run a side. Returns: its report; None if it is not installed."""
    done = subprocess.run(
        [python, str(STAGES / script), str(folder)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if done.returncode:
        print(f"notice: {script} is left out: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def table(found: dict[str, dict[str, Any]], num_pages: int, planted: dict[str, float]) -> str:
    lines = [
        "| | pages/CPU s | signatures only | bytes per page | " + " | ".join(f"copies {s:.0%}" for s in SHARES) + " |",
        "|---|" + "---|" * (3 + len(SHARES)),
    ]
    for name, report in found.items():
        kept = set(report["kept"])
        dropped = [_dropped_share(planted, share, kept) for share in SHARES]
        rates = (num_pages / report["seconds"], num_pages / report["stages"]["signatures"])
        cells = [name, *(f"{rate:,.0f}" for rate in rates), f"{report['bytes'] / num_pages:,.0f}"]
        lines.append("| " + " | ".join([*cells, *(f"{share:.1%} dropped" for share in dropped)]) + " |")
    if len(found) == 2:
        ours, theirs = found["c4pipe"], found["datatrove"]
        differing = len(set(ours["kept"]) ^ set(theirs["kept"]))
        lines += [
            "",
            f"pages per CPU second: {theirs['seconds'] / ours['seconds']:.1f} times datatrove's; pages judged "
            f"differently: {differing:,} ({differing / num_pages:.2%}); pages dropped: "
            f"{num_pages - len(ours['kept']):,} by c4pipe, {num_pages - len(theirs['kept']):,} by datatrove",
        ]
    lines += ["", *(f"peak memory of {name}: {report['peak'] / 1e6:,.0f} MB" for name, report in found.items())]
    return "\n".join(lines)


def _dropped_share(planted: dict[str, float], share: float, kept: set[str]) -> float:
    """The share of copies with this share of changed words that were dropped, or whose original was dropped."""
    copies = [url for url, changed_share in planted.items() if changed_share == share]
    gone = sum(url not in kept or url.removesuffix("copy") not in kept for url in copies)
    return gone / max(len(copies), 1)


if __name__ == "__main__":
    main()
