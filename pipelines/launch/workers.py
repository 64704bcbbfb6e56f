"""Worker processes that end when the process that started them does, however that ended."""

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import parent_process
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext


def worker_processes(number: int | None = None, context: BaseContext | None = None) -> ProcessPoolExecutor:
    """A pool of processes, by default one per core. Those of a pool whose starter was killed would wait for ever."""
    return ProcessPoolExecutor(number, mp_context=context, initializer=_end_with_starter)


def _end_with_starter() -> None:
    threading.Thread(target=_watch_starter, daemon=True).start()


def _watch_starter() -> None:
    starter = parent_process()
    if starter is not None:
        wait([starter.sentinel])
        # Nothing is lost by a hard end: files that have no name yet are what any killed run leaves.
        os._exit(1)
