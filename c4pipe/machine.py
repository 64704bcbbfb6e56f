"""The resources of this machine: cores, memory, disk space, and the cache folder for downloads."""

import os
import shutil
from pathlib import Path

_SMALL_MACHINE_BYTES = 8 << 30


def num_cores() -> int:
    """The number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1


def available_memory() -> int:
    """Bytes of memory that new processes can have. If the system does not tell, the memory of a small machine."""
    try:
        with open("/proc/meminfo") as lines:
            found = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(found.split()[1]) * 1024
    except (OSError, StopIteration):
        return _SMALL_MACHINE_BYTES


def free_bytes(folder: str | os.PathLike[str]) -> int:
    """Free bytes for an ordinary user on the disk of a local folder, which need not exist yet."""
    path = Path(folder).absolute()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def cache_folder() -> str:
    """The folder that keeps downloads for later runs: `$C4PIPE_CACHE`, else `c4pipe` in the user's cache folder."""
    if own := os.environ.get("C4PIPE_CACHE"):
        return own
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"), "c4pipe")
