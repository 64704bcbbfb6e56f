"""Worker processes that end when the process that started them ends in any way."""

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import parent_process
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext


def worker_processes(number: int | None = None, context: BaseContext | None = None) -> ProcessPoolExecutor:
    """A pool of processes, by default one per core. (Those of an ordinary pool wait forever if it is killed.)"""
    return ProcessPoolExecutor(number, mp_context=context, initializer=_end_when_starter_ends)


def _end_when_starter_ends() -> None:
    threading.Thread(target=_watch_starter, daemon=True).start()


def _watch_starter() -> None:
    starter = parent_process()
    if starter is not None:
        wait([starter.sentinel])
        # A hard exit is safe: it leaves only temporary files, as any killed run does.
        os._exit(1)
