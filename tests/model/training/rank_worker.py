"""A small run that torchrun starts for `test_ranks.py`: rank 1 is slow on purpose.

rank_worker.py EXAMPLES OUTPUT SLEEP_SECONDS
"""

import sys
import time

from c4pipe.shards.stream.stream import Source, open_stream
from model.architectures.catalog import build_model
from model.architectures.config import ModelConfig
from model.checkpoints.run_folder import RunFolder
from model.training.computation import Computation
from model.training.hooks import Hooks
from model.training.ranks.world import World
from model.training.settings import TrainingSettings
from model.training.trainer import Trainer

examples, output, sleep_seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
config = ModelConfig(
    vocabulary_size=384, d_model=32, d_ff=64, d_kv=8, num_heads=4, num_layers=2, feed_forward="gated_gelu"
)
settings = TrainingSettings(steps=10, batch_size=8, log_every=5, seed=3).completed()
world = World.join(device="cpu")
stream = open_stream([Source(examples)], seed=3, batch_size=settings.batch_size, rank=world.rank, world_size=world.size)
folder = RunFolder(output)
folder.path.mkdir(exist_ok=True)


def be_slow(step: int) -> None:
    if world.rank == 1:
        time.sleep(sleep_seconds)


computation = Computation.of(build_model(config, seed=3), world, settings)
Trainer(computation, stream, settings, folder, Hooks(before_step=be_slow)).train()
world.leave()
