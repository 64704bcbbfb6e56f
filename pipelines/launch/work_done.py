"""How much of a run of wet_to_c4 is committed, from the names of its files."""

import time

from c4pipe.corpus_run.plan import Plan
from c4pipe.shards import files
from c4pipe.shards.work.work_files import read_record


class WorkDone:
    """Counts the steps in the work folder: WET files that are cleaned, WET files that are finished, written shards."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._started = time.monotonic()
        self._ending = plan.cleaned("", ".json").rsplit("/", 1)[-1]
        self._seen: set[str] = set()
        self._pages = 0
        self._first_look = True
        self.look()

    def look(self) -> tuple[int, int, str]:
        """(steps done, total steps, words)."""
        plan, num_files = self._plan, self._plan.num_files
        names = files.list_folder(files.join(plan.work, "cleaned"))
        cleaned = {name for name in names if name.endswith(self._ending)}
        self._count_pages(cleaned)
        finished = min(count_files(files.join(plan.work, "finished"), ".json"), num_files)
        shards = 0
        for entry in files.list_folder(plan.work):
            if len(entry) == 16 and "." not in entry:
                shards = max(shards, count_files(files.join(plan.work, entry, "shards"), ".json"))
        num_cleaned = min(len(cleaned), num_files)
        rate = self._pages / max(time.monotonic() - self._started, 1e-9)
        words = f"{num_cleaned}/{num_files} files read, {finished} finished, {shards} shards, {rate:,.0f} pages/s"
        # The split of each language has its own shards. Their number is known only after they are written.
        num_shards = max(shards, plan.settings.num_shards + 1)
        return num_cleaned + finished + shards, 2 * num_files + num_shards, words

    def _count_pages(self, cleaned: set[str]) -> None:
        """Add the pages of the files that were committed since the start."""
        for name in cleaned - self._seen:
            if not self._first_look:
                record = read_record(files.join(self._plan.work, "cleaned", name))
                self._pages += record["summary"]["totals"].get("rows", 0) if record is not None else 0
        self._seen |= cleaned
        self._first_look = False


def count_files(folder: str, ending: str) -> int:
    """How many files in a folder have names with this ending."""
    return sum(name.endswith(ending) for name in files.list_folder(folder))
