"""A corpus of one language from a crawl-like mix, with and without Common Crawl's language header.

    python benchmarks/bench_language_header.py --wet='wet/*2024*.warc.wet.gz' --assets=assets

The mix is made of records that have the header: a share of them in the wanted language, the others as they are in the
files. Both commands read the same mix, one after the other, in turns. CPU time is that of the whole process. The time
for a file without pages is measured separately.
"""

import argparse
import glob
import gzip
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.turns import children_seconds
from c4pipe.corpus.language.language_data import language_data
from c4pipe.corpus.wet.language_header import named_languages

_DELIMITER = b"WARC/1.0\r\n"
_URL = b"WARC-Target-URI: "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wet", required=True, help="glob of WET files with the header")
    parser.add_argument("--assets", help="as the command's; without it they are downloaded")
    parser.add_argument("--language", default="de")
    parser.add_argument("--share", type=float, default=0.1, help="of the pages in the wanted language")
    parser.add_argument("--copies", type=int, default=4, help="of each page, under other URLs")
    parser.add_argument("--repeats", type=int, default=3)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mix, empty = Path(folder) / "mix.warc.wet.gz", Path(folder) / "empty.warc.wet.gz"
        wanted, others = _records(sorted(glob.glob(flags.wet)), flags.language)
        wanted = wanted[: round(len(others) * flags.share / (1 - flags.share))]
        pages = _mixed(wanted, others)
        _write(mix, [_copy(page, number) for number in range(flags.copies) for page in pages])
        _write(empty, [])
        print(f"{len(pages) * flags.copies:,} pages, {len(wanted) / len(pages):.1%} of them {flags.language}")
        seconds: dict[tuple[str, str], list[float]] = {}
        for repeat in range(flags.repeats):
            for header in ("off", "prefer"):
                for name, wet in (("mix", mix), ("empty", empty)):
                    spent = _run(wet, Path(folder) / f"{name}-{header}-{repeat}", header, flags)
                    seconds.setdefault((name, header), []).append(spent)
        _print(seconds)


def _records(paths: list[str], language: str) -> tuple[list[bytes], list[bytes]]:
    """(records whose header names the language first, those whose header does not name it)."""
    codes = {code.encode() for code in language_data(language).iso639_3}
    wanted, others = [], []
    for path in paths:
        for record in gzip.decompress(Path(path).read_bytes()).split(_DELIMITER)[1:]:
            named = named_languages(record)
            if named and named[0] in codes:
                wanted.append(record)
            elif named and codes.isdisjoint(named):
                others.append(record)
    return wanted, others


def _mixed(wanted: list[bytes], others: list[bytes]) -> list[bytes]:
    """All records, the wanted ones spread evenly."""
    places = [
        (number / max(len(found), 1), record) for found in (wanted, others) for number, record in enumerate(found)
    ]
    return [record for _, record in sorted(places, key=lambda place: place[0])]


def _copy(record: bytes, number: int) -> bytes:
    return record.replace(
        _URL + b"http", _URL + b"http" if number == 0 else b"%shttp://copy%d.example/http" % (_URL, number), 1
    )


def _write(path: Path, records: list[bytes]) -> None:
    head = b"WARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
    path.write_bytes(b"".join(gzip.compress(_DELIMITER + record, 6, mtime=0) for record in [head, *records]))


def _run(wet: Path, output: Path, header: str, flags: argparse.Namespace) -> float:
    """CPU seconds of the command."""
    command = [sys.executable, "-m", "pipelines.wet_to_c4", f"--variant=clean.{flags.language}", f"--input={wet}"]
    command += [f"--output={output}", f"--language_header={header}", "--direct_num_workers=1", "--samples_per_rule=0"]
    command += [f"--assets={flags.assets}"] if flags.assets else []
    before = children_seconds()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return children_seconds() - before


def _print(seconds: dict[tuple[str, str], list[float]]) -> None:
    least = {key: min(values) for key, values in seconds.items()}
    print(f"{'CPU seconds (least)':24}{'off':>10}{'prefer':>10}{'share':>10}")
    for name, words in (("mix", "the whole command"), ("empty", "a file without pages")):
        off, prefer = least[name, "off"], least[name, "prefer"]
        print(f"{words:24}{off:10.2f}{prefer:10.2f}{prefer / off:10.1%}")
    off, prefer = (least["mix", header] - least["empty", header] for header in ("off", "prefer"))
    print(f"{'for the pages':24}{off:10.2f}{prefer:10.2f}{prefer / off:10.1%}")


if __name__ == "__main__":
    main()
