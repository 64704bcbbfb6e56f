"""When the loss is no longer a number: stop, and leave a file that says which examples were in the batch."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from c4pipe.errors import UserError
from c4pipe.shards import files
from model.checkpoints.run_folder import RunFolder
from model.training.trainer import NonFiniteLoss

Describe = Callable[[int], Sequence[dict[str, Any]]]
"""Position of a global batch -> one record an example: its source folder, id, shard, row, and URLs where known."""


def stop(error: NonFiniteLoss, folder: RunFolder, describe: Describe, *, writes: bool) -> UserError:
    """The error to end with; `writes` (rank 0) also leaves `non_finite-step-N.json` in the run's folder."""
    figures = error.figures
    path = folder.path / f"non_finite-step-{figures.step:08d}.json"
    if writes:
        content = {**asdict(figures), "position": error.position, "examples": list(describe(error.position))}
        text = json.dumps({name: _plain(value) for name, value in content.items()}, indent=1, ensure_ascii=False)
        files.write_bytes(str(path), (text + "\n").encode())
    newest = folder.states()
    there = f"checkpoint of step {newest[-1].step}" if newest else "beginning"
    what = "loss" if figures.loss != figures.loss or abs(figures.loss) == float("inf") else "gradient"
    return UserError(
        f"the {what} became {figures.loss if what == 'loss' else figures.gradient_norm} in step {figures.step}; the "
        f"examples of its batch are in {path}. Nothing of it was saved: --resume goes on from the {there}; lower "
        f"--learning_rate, or clip with --max_gradient_norm=1 and start anew, if it comes again"
    )


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    return str(value) if isinstance(value, float) and (value != value or abs(value) == float("inf")) else value
