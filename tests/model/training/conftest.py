"""What the tests of training share: a small trainer, made as the commands make it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from c4pipe.shards.stream.stream import Source, open_stream
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.checkpoints.run_folder import RunFolder
from model.training.computation import Computation
from model.training.hooks import Hooks
from model.training.ranks.world import World
from model.training.settings import TrainingSettings
from model.training.trainer import Trainer

SMALL = ModelConfig(vocabulary_size=384, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2)


@pytest.fixture
def make_trainer(example_folder: Path, tmp_path: Path) -> Callable[..., Trainer]:
    """make_trainer(hooks, folder=name, config=..., **settings) -> a trainer on one CPU process."""

    def make(hooks: Hooks | None = None, *, folder: str = "run", config: ModelConfig = SMALL, **settings) -> Trainer:
        values = {"steps": 12, "batch_size": 8, "log_every": 1, "evaluate_every": 4, "checkpoint_every": 4, "seed": 3}
        made = TrainingSettings(**{**values, **settings}).completed()
        world = World()
        stream = open_stream([Source(str(example_folder))], seed=made.seed, batch_size=made.batch_size)
        run = RunFolder(str(tmp_path / folder))
        run.path.mkdir(exist_ok=True)
        return Trainer(Computation.of(build_model(config, seed=made.seed), world, made), stream, made, run, hooks)

    return make
