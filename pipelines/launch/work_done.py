"""How much of a run of wet_to_c4 is committed, from the names of its files."""

import time
from collections.abc import Sequence

from c4pipe.corpus_run.plan import Plan
from c4pipe.shards import files
from c4pipe.shards.work.work_files import read_record


class WorkDone:
    """Counts the steps in the work folder: WET files that are cleaned, WET files that are finished, written shards.

    plans: of the corpora that share the work folder; each counts for itself.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._plans, self._work = plans, plans[0].work
        self._started = time.monotonic()
        self._endings = tuple({plan.cleaned("", ".json").rsplit("/", 1)[-1] for plan in plans})
        self._seen: set[str] = set()
        self._pages = 0
        self._first_look = True
        self.look()

    def look(self) -> tuple[int, int, str]:
        """(steps done, total steps, words)."""
        num_files, num_plans = self._plans[0].num_files, len(self._plans)
        names = files.list_folder(files.join(self._work, "cleaned"))
        cleaned = {name for name in names if name.endswith(self._endings)}
        self._count_pages({name for name in cleaned if name.endswith(self._endings[0])})
        finished = min(count_files(files.join(self._work, "finished"), ".json"), num_files * num_plans)
        of_runs = [
            count_files(files.join(self._work, entry, "shards"), ".json")
            for entry in files.list_folder(self._work)
            if len(entry) == 16 and "." not in entry
        ]
        # There may be the work of earlier runs with other settings.
        shards = sum(sorted(of_runs)[-num_plans:])
        num_cleaned = min(len(cleaned), num_files * len(self._endings))
        rate = self._pages / max(time.monotonic() - self._started, 1e-9)
        num_read = num_cleaned // len(self._endings)
        words = f"{num_read}/{num_files} files read, {finished} finished, {shards} shards, {rate:,.0f} pages/s"
        # The split of each language has its own shards. Their number is known only after they are written.
        num_shards = max(shards, sum(plan.settings.num_shards + 1 for plan in self._plans))
        total = num_files * (len(self._endings) + num_plans) + num_shards
        return num_cleaned + finished + shards, total, words

    def _count_pages(self, cleaned: set[str]) -> None:
        """Add the pages of the files that were committed since the start."""
        for name in cleaned - self._seen:
            if not self._first_look:
                record = read_record(files.join(self._work, "cleaned", name))
                self._pages += record["summary"]["totals"].get("rows", 0) if record is not None else 0
        self._seen |= cleaned
        self._first_look = False


def count_files(folder: str, ending: str) -> int:
    """How many files in a folder have names with this ending."""
    return sum(name.endswith(ending) for name in files.list_folder(folder))
