"""How far a pipeline is: counted by the files it has committed, which is true on any runner and after a restart."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

_LOOK_EVERY_SECONDS = 0.5
_SPEAK_EVERY_SECONDS = 15.0


@contextmanager
def shown(count_done: Callable[[], int], total: int, what: str) -> Iterator[None]:
    """Show how many of `total` are done while the block runs: a bar on a terminal, elsewhere a plain line now and then.

    count_done: looks it up, seldom enough to be allowed to list a folder. what: what is counted, such as "shards".
    """
    stopped = threading.Event()
    watcher = threading.Thread(target=_watch, args=(count_done, total, what, stopped), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stopped.set()
        watcher.join()


def _watch(count_done: Callable[[], int], total: int, what: str, stopped: threading.Event) -> None:
    is_terminal = sys.stderr.isatty()
    spoke = time.monotonic()
    with tqdm(total=total, unit=f" {what}", disable=not is_terminal) as bar:
        while not stopped.wait(_LOOK_EVERY_SECONDS):
            done = min(count_done(), total)
            bar.update(done - bar.n)
            if not is_terminal and time.monotonic() - spoke >= _SPEAK_EVERY_SECONDS:
                spoke = time.monotonic()
                print(f"{done} of {total} {what}", file=sys.stderr)
        bar.update(min(count_done(), total) - bar.n)
