"""Language identification: the package langdetect 1.0.9 and ours on the same pages.

    python benchmarks/bench_language.py [WET...] [--num_pages=2000] [--profile]

WET: WET files. The default is the files in ../shared/data/wet; if that folder does not exist, pages are made from the
package's own profiles. --num_pages: the number of pages, evenly spread over the files; 0: all. The systems take turns,
so that other load on the machine affects all of them in the same way. Seconds are CPU seconds of the process.

Rows: the package as the reference calls it; ours with all pages in one call, as in the corpus chain; ours with one call
per page. `different`: answers that differ from the package's, with probabilities compared bit for bit (the package's
`sum` is replaced by a plain sum, as in Python before 3.12).
"""

import argparse
import cProfile
import json
import platform
import pstats
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from langdetect import detector, detector_factory
from langdetect.lang_detect_exception import LangDetectException

from c4pipe.corpus.language.langdetect.identifier import LangdetectIdentifier
from c4pipe.corpus.wet.parsers import read_records
from c4pipe.records import Page

SHARED = Path(__file__).parents[2] / "shared/data/wet"
PAGES_PER_TURN = 2_000
REPEATS = 5
EVERY_NTH_ALONE = 10

PACKAGE = "langdetect"
BATCH = "c4pipe, all pages at once"
ALONE = "c4pipe, one call per page"
ROWS = (PACKAGE, BATCH, ALONE)


def wet_pages(paths: list[Path]) -> list[str]:
    """The texts of the pages in WET files."""
    return [outcome.text for path in paths for outcome in read_records(path) if isinstance(outcome, Page)]


def made_pages(num_pages: int) -> list[str]:
    """Pages of 200 to 12,000 characters, drawn from the package's profiles. Every second page is English."""
    draw = random.Random(0)
    profiles = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(Path(detector_factory.PROFILES_DIRECTORY).iterdir())
    ]
    english = next(profile for profile in profiles if profile["name"] == "en")
    pages = []
    for number in range(num_pages):
        frequencies = (english if number % 2 else draw.choice(profiles))["freq"]
        ngrams = [ngram for ngram in frequencies if len(ngram) == 3]
        drawn = draw.choices(ngrams, [frequencies[ngram] for ngram in ngrams], k=draw.randrange(70, 4_000))
        pages.append("".join(drawn))
    return pages


def evenly(pages: list[str], num_pages: int) -> list[str]:
    """The given number of pages, evenly spread; 0: all."""
    if not num_pages or num_pages >= len(pages):
        return pages
    return [pages[place * len(pages) // num_pages] for place in range(num_pages)]


def package() -> Callable[[str], tuple[str, float] | None]:
    """langdetect as the reference calls it."""
    detector.sum = plain_sum
    detector_factory.DetectorFactory.seed = 0
    detector_factory.init_factory()

    def answer(text: str) -> tuple[str, float] | None:
        try:
            found = detector_factory.detect_langs(text)
        except LangDetectException:
            return None
        return (found[0].lang, found[0].prob) if found else ("unknown", 0.0)

    return answer


def plain_sum(numbers: list[float]) -> float:
    """Python's `sum` before 3.12: from left to right, without compensation."""
    total = 0.0
    for number in numbers:
        total += number
    return total


@dataclass
class Row:
    """A row of the table: pages, CPU seconds, and the number of answers that differ from the package's."""

    pages: int = 0
    seconds: float = 0.0
    different: int | None = 0

    def add(self, pages: int, seconds: float, different: int = 0) -> None:
        self.pages += pages
        self.seconds += seconds
        if self.different is not None:
            self.different += different

    @property
    def rate(self) -> float:
        return self.pages / self.seconds if self.seconds else float("nan")


class Comparison:
    """Runs the systems in turns over parts of the pages, and collects the table."""

    def __init__(self) -> None:
        self.rows = {name: Row() for name in ROWS}
        self.rows[PACKAGE].different = None
        self._package = package()
        self._ours = LangdetectIdentifier()

    def turn(self, texts: list[str]) -> None:
        """Run all systems on these pages. Five times: the package on a fifth of the pages, then ours on all pages."""
        expected, seconds = [], []
        parts = [
            texts[start : start + len(texts) // REPEATS + 1]
            for start in range(0, len(texts), len(texts) // REPEATS + 1)
        ]
        for part in parts:
            for text in part:
                started = time.process_time()
                expected.append(self._package(text))
                seconds.append(time.process_time() - started)
            self._time(BATCH, lambda: self._ours.identify(texts), len(texts))
            some = part[::EVERY_NTH_ALONE]
            self._time(ALONE, lambda some=some: [self._ours.identify([text])[0] for text in some], len(some))
        self.rows[PACKAGE].add(len(texts), sum(seconds))

        self._compare(BATCH, self._ours.identify(texts), expected)
        self._compare(
            ALONE, [self._ours.identify([text])[0] for text in texts[::EVERY_NTH_ALONE]], expected[::EVERY_NTH_ALONE]
        )

    def _time(self, name: str, run: Callable[[], list], num_pages: int) -> None:
        started = time.process_time()
        run()
        self.rows[name].add(num_pages, time.process_time() - started)

    def _compare(self, name: str, answers: list, expected: list) -> None:
        # `Identified` is a tuple, so equality means the same language and exactly the same probability.
        self.rows[name].add(0, 0.0, sum(answer != right for answer, right in zip(answers, expected, strict=True)))


def table(rows: dict[str, Row]) -> str:
    lines = [f"{'':52} {'pages/CPU s':>12} {'ms/page':>9} {'ratio':>7} {'different':>10}"]
    for name, row in rows.items():
        to = rows[PACKAGE]
        different = "" if row.different is None else f"{row.different:,}"
        lines.append(f"{name:52} {row.rate:12,.0f} {1e3 / row.rate:9.3f} {row.rate / to.rate:7.1f} {different:>10}")
    return "\n".join(lines)


def load_seconds() -> float:
    """Wall seconds until a new process has an identifier."""
    code = "from c4pipe.corpus.language.langdetect.identifier import LangdetectIdentifier as L; L()"
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
    return time.perf_counter() - started


def profile(pages: list[str]) -> None:
    """Print where the time of our identifier is spent, with all pages in one call."""
    identifier = LangdetectIdentifier()
    identifier.identify(pages[:100])
    profiler = cProfile.Profile(time.process_time)
    profiler.runcall(identifier.identify, pages)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(15)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wet", nargs="*", type=Path)
    parser.add_argument("--num_pages", type=int, default=2_000)
    parser.add_argument("--profile", action="store_true", help="print a profile of our identifier instead of the table")
    arguments = parser.parse_args()
    paths = arguments.wet or sorted(SHARED.glob("*.wet.gz"))
    pages = evenly(wet_pages(paths), arguments.num_pages) if paths else made_pages(arguments.num_pages or 2_000)
    source = f"{len(paths)} WET files" if paths else "made from the profiles"
    print(f"{len(pages):,} pages ({source}), {sum(map(len, pages)) / len(pages):,.0f} characters per page")
    print(f"Python {platform.python_version()}, numpy {np.__version__}, {platform.machine()}")
    if arguments.profile:
        profile(pages)
        return
    comparison = Comparison()
    for start in range(0, len(pages), PAGES_PER_TURN):
        comparison.turn(pages[start : start + PAGES_PER_TURN])
        print(f"{min(start + PAGES_PER_TURN, len(pages)):,} of {len(pages):,} pages", file=sys.stderr)
    print(f"a new process is ready in {load_seconds():.2f} s, imports included\n")
    print(table(comparison.rows))


if __name__ == "__main__":
    main()
