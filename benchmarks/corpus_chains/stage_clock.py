"""CPU seconds per stage and per fate of a page.

This uses only the standard library, because the peers run in separate environments.
"""

import collections
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

STAGES = ("parse", "urls", "clean", "lines", "language", "badwords", "write")
# The fate of a page: dropped by cleaning; dropped for its language; all others (kept, a duplicate, bad words).
CLEANING, LANGUAGE, OTHER = "cleaning", "language", "other"


class StageClock:
    """Adds up the times of the stages of a chain. A page is identified by its place in the output of parsing.

    fate: the fate of each page so far. Parsing appends to it (`OTHER`), and a stage that drops a page changes it.
    """

    def __init__(self) -> None:
        self.fate: list[str] = []
        self._seconds: dict[str, dict[int, float]] = {stage: collections.defaultdict(float) for stage in STAGES}

    def page(self, stage: str, place: int, function: Callable, *arguments: Any) -> Any:
        """Call a function for a page, and add its time to the stage."""
        started = time.process_time()
        result = function(*arguments)
        self._seconds[stage][place] += time.process_time() - started
        return result

    def pages(self, stage: str, places: Iterable[int], function: Callable, *arguments: Any) -> Any:
        """Call a function for several pages. Each page gets an equal share of the time."""
        started = time.process_time()
        result = function(*arguments)
        seconds = time.process_time() - started
        places = list(places)
        for place in places:
            self._seconds[stage][place] += seconds / len(places)
        return result

    def parse(self, function: Callable[[], list], length: Callable[[Any], int]) -> list:
        """Call a function that returns pages. Its time is divided among them in proportion to their lengths."""
        started = time.process_time()
        found = function()
        seconds_per_character = (time.process_time() - started) / (sum(map(length, found)) or 1)
        for place, page in enumerate(found, start=len(self.fate)):
            self._seconds["parse"][place] += length(page) * seconds_per_character
        self.fate += [OTHER] * len(found)
        return found

    def report(self, rows: Sequence[tuple[str, str]]) -> str:
        """JSON with pages, seconds per stage, both per fate, and the number and md5 of the kept (URL, text) rows."""
        fates = {
            fate: {"pages": self.fate.count(fate), "seconds": dict.fromkeys(STAGES, 0.0)}
            for fate in (CLEANING, LANGUAGE, OTHER)
        }
        for stage, seconds in self._seconds.items():
            for place, taken in seconds.items():
                fates[self.fate[place]]["seconds"][stage] += taken
        digest = hashlib.md5()
        for url, text in sorted(rows):
            digest.update(f"{url}\\0{text}\\0".encode("utf-8", "surrogatepass"))
        stages = {stage: sum(seconds.values()) for stage, seconds in self._seconds.items()}
        report = {
            "pages": len(self.fate),
            "stages": stages,
            "fates": fates,
            "kept": len(rows),
            "md5": digest.hexdigest(),
        }
        return json.dumps(report)
