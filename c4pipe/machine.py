"""What this machine offers a process: cores, memory, room on a disk, a folder for what is fetched once."""

import os
import shutil
from pathlib import Path

_SMALL_MACHINE_BYTES = 8 << 30


def num_cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1


def available_memory() -> int:
    """Bytes of memory that new processes can have; what a small machine has where the system does not tell."""
    try:
        with open("/proc/meminfo") as lines:
            found = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(found.split()[1]) * 1024
    except (OSError, StopIteration):
        return _SMALL_MACHINE_BYTES


def free_bytes(folder: str | os.PathLike[str]) -> int:
    """Bytes that an ordinary user may still write where a local folder lies or will lie."""
    path = Path(folder).absolute()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def cache_folder() -> str:
    """Where fetched files are kept for the next run: `$C4PIPE_CACHE`, else `c4pipe` in the user's cache folder."""
    if own := os.environ.get("C4PIPE_CACHE"):
        return own
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"), "c4pipe")
