"""Three small crawls, and what their corpus has by the definition in docs/running.md."""

import gzip
import hashlib
import random
from pathlib import Path

from small_crawl import _record

from c4pipe.corpus import chain
from c4pipe.corpus.judging import Candidate, judge
from c4pipe.corpus.urls import normalized_url
from c4pipe.corpus.wet.parsers import read_records
from c4pipe.records import Page

NUM_STEPS = 3
WORDS = {
    "en": """the river stands house where people often walk along green field with children who like small birds and
they wonder about every morning light that falls over old stones near water while some men build new boats""",
    "de": """der fluss steht haus wo die leute oft spazieren gehen entlang auf einem grünen feld mit ihren kindern und
sie fragen sich jeden morgen nach dem licht das über alte steine fällt während einige männer neue boote bauen""",
}


def write_steps(folder: Path) -> list[Path]:
    """Three crawls of two WET files each, whose pages share URLs and lines within a crawl and between crawls."""
    draw = random.Random(7)
    lines = {
        language: [" ".join(draw.choices(words.split(), k=12 + n % 2 * 35)).capitalize() + "." for n in range(300)]
        for language, words in WORDS.items()
    }
    steps = []
    for step in range(NUM_STEPS):
        steps.append(folder / f"crawl{step}")
        steps[-1].mkdir(parents=True)
        for number in range(2):
            records = []
            for _ in range(40):
                chosen = lines[draw.choice(sorted(lines))]
                url = f"http://site{draw.randrange(4)}.example.org/page{draw.randrange(45)}{draw.choice(['', '/'])}"
                text = draw.sample(chosen, draw.randrange(6, 12))
                if draw.random() < 0.3:
                    text.append(text[0].upper())
                if draw.random() < 0.1:
                    text.append("Lorem ipsum dolor sit amet, it says here.")
                if draw.random() < 0.1:
                    text.append("And there is one word in this line that is bad: darn it.")
                date = f"20{19 + step}-04-{draw.randrange(1, 28):02d}T00:00:00Z"
                records.append(_record("conversion", url, "\n".join(text).encode(), date))
            packed = b"".join(gzip.compress(record, 1, mtime=0) for record in records)
            (steps[-1] / f"CC-MAIN-{step}-{number}.warc.wet.gz").write_bytes(packed)
    return steps


class Definition:
    """The definition, computed plainly: one pass over all pages, with sets of the URLs and lines that are there."""

    def __init__(self, criteria: chain.Criteria) -> None:
        self._criteria = criteria
        self._urls: set[str] = set()
        self._lines: set[str] = set()

    def step(self, wet: Path) -> set[tuple[str, str, str, str]]:
        """The rows that one more crawl adds."""
        best: dict[str, Page] = {}
        for path in sorted(wet.iterdir()):
            for page in read_records(path):
                if not isinstance(page, Page) or (url := normalized_url(page.url)) in self._urls:
                    continue
                if url not in best or self._rank(page) > self._rank(best[url]):
                    best[url] = page
        newest = [(page, Candidate(page.url, url, page.text)) for url, page in best.items()]
        cleaned = self._judge(chain.AFTER_URLS, newest)
        keeper: dict[str, str] = {}
        for _, candidate in cleaned:
            for line in self._contents(candidate):
                keeper[line] = min(keeper.get(line, candidate.url), candidate.url, key=self._md5)
        after_urls = [(page, self._without_lost(candidate, keeper)) for page, candidate in cleaned]
        kept = self._judge(chain.AFTER_NEAR_DUPLICATES, self._judge(chain.AFTER_LINES, after_urls))
        self._urls |= {candidate.normalized_url for _, candidate in kept}
        for _, candidate in kept:
            self._lines |= set(self._contents(candidate))
        variant = self._criteria.variant
        return {
            (
                f"c4-{chain.split_of_page(variant, candidate.normalized_url, candidate.language)}",
                page.url,
                page.timestamp,
                candidate.text,
            )
            for page, candidate in kept
        }

    def _without_lost(self, candidate: Candidate, keeper: dict[str, str]) -> Candidate:
        contents = self._contents(candidate)
        lost = [n for n, line in enumerate(contents) if line in self._lines or keeper[line] != candidate.url]
        return candidate._replace(lost_lines=lost)

    def _judge(self, stages, pages):
        verdicts = judge(chain.judges_of(stages, self._criteria), [candidate for _, candidate in pages])
        return [
            (page, candidate._replace(text=verdict.text, language=verdict.language, lost_lines=()))
            for (page, candidate), verdict in zip(pages, verdicts, strict=True)
            if not verdict.stage
        ]

    @staticmethod
    def _contents(candidate: Candidate) -> list[str]:
        return [line.strip() for line in candidate.text.lower().split("\n")]

    @staticmethod
    def _md5(text: str) -> bytes:
        return hashlib.md5(text.encode()).digest()

    def _rank(self, page: Page) -> tuple[str, bytes]:
        return page.timestamp, self._md5(page.text)
