"""If the loss becomes NaN or infinite: stop, and write a file that lists the examples of the batch."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from c4pipe.errors import UserError
from c4pipe.shards import files
from model.checkpoints.run_folder import RunFolder
from model.training.trainer import NonFiniteLoss

Describe = Callable[[int], Sequence[dict[str, Any]]]
"""Position of a global batch -> one record per example: source folder, id, shard, row, and URLs if they are known."""


def stop(error: NonFiniteLoss, folder: RunFolder, describe: Describe, *, writes: bool) -> UserError:
    """The error that ends the run. With `writes` (on rank 0), also write `non_finite-step-N.json` to the folder."""
    figures = error.figures
    path = folder.path / f"non_finite-step-{figures.step:08d}.json"
    if writes:
        content = {**asdict(figures), "position": error.position, "examples": list(describe(error.position))}
        text = json.dumps({name: _plain(value) for name, value in content.items()}, indent=1, ensure_ascii=False)
        files.write_bytes(str(path), (text + "\n").encode())
    newest = folder.states()
    origin = f"checkpoint of step {newest[-1].step}" if newest else "beginning"
    what = "loss" if figures.loss != figures.loss or abs(figures.loss) == float("inf") else "gradient"
    return UserError(
        f"the {what} became {figures.loss if what == 'loss' else figures.gradient_norm} in step {figures.step}; the "
        f"examples of its batch are listed in {path}. The step was not saved: --resume continues from the {origin}; if "
        f"it happens again, start a new run with a lower --learning_rate or with --max_gradient_norm=1"
    )


def _plain(value: Any) -> Any:
    """The value, or its name if it is NaN or infinite, which JSON does not have."""
    return str(value) if isinstance(value, float) and (value != value or abs(value) == float("inf")) else value
