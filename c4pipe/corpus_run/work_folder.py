"""The path of a run's work folder."""

import hashlib
from pathlib import Path

from c4pipe.shards import files


def place(output: str, work_dir: str | None) -> str:
    """`OUTPUT/work`, or, below the user's `work_dir`, a folder named after the output, so that it is ours alone."""
    if work_dir is None:
        return files.join(output, "work")
    whole = output if files.is_remote(output) else str(Path(output).resolve())
    return files.join(work_dir.rstrip("/") or "/", f"wet_to_c4-{hashlib.sha256(whole.encode()).hexdigest()[:12]}")
