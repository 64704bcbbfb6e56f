"""Runs that torchrun starts for `test_sharding.py`: sharded_worker.py EXAMPLES OUTPUT CASE...

A case is LAYOUT:NAME, with a layout of `--parallel` and a name of SETTINGS. Its run is in OUTPUT/LAYOUT-NAME.
"""

import os
import sys
from pathlib import Path

import torch

from c4pipe.shards.stream.stream import Source, open_stream
from model.architectures.config import ModelConfig
from model.checkpoints.run_folder import RunFolder
from model.training.computation import Computation
from model.training.parallel.sharding import place_model
from model.training.ranks.world import World
from model.training.settings import TrainingSettings
from model.training.trainer import Trainer

# Rows that 2 or 4 ranks do not divide: of the embedding, the norms and the feed-forwards.
CONFIG = ModelConfig(
    vocabulary_size=387, d_model=30, d_ff=66, d_kv=8, num_heads=4, num_layers=2, feed_forward="gated_gelu"
)
SETTINGS = {
    "plain": {"max_gradient_norm": 0.5, "gradient_accumulation": 2},
    "all": {
        "optimizer": "adamw",
        "learning_rate": 0.01,
        "weight_decay": 0.1,
        "max_gradient_norm": 0.5,
        "activation_checkpointing": True,
    },
    "shared": {"architecture": "encoder_decoder_shared"},
    "bf16": {"precision": "bf16"},
    "frozen": {},
    "short": {"steps": 4},
    "compiled": {"steps": 4, "compile": True},
}


def train(world: World, examples: str, output: str, layout: str, name: str) -> None:
    """Do the run of a case."""
    chosen = {"steps": 24, "batch_size": 8, "log_every": 1, "checkpoint_every": 12, "seed": 3, **SETTINGS[name]}
    config = CONFIG.with_(architecture=chosen.pop("architecture", CONFIG.architecture))
    settings = TrainingSettings(**chosen).completed()
    stream = open_stream([Source(examples)], seed=3, batch_size=8, rank=world.rank, world_size=world.size)
    folder = RunFolder(f"{output}/{layout}-{name}")
    folder.path.mkdir(exist_ok=True)
    computation = Computation.of(place_model(config, world, settings, layout, {}), world, settings)
    assert computation.is_sharded == (layout != "ddp" and world.size > 1)
    trainer = Trainer(computation, stream, settings, folder)
    if name == "frozen":
        trainer.computation.train_only(["decoder.final_norm.weight", "decoder.layers.0.feed_forward.wo.weight"])
        trainer.computation.train_only = lambda names: None  # type: ignore[method-assign]
    trainer.train()


if __name__ == "__main__":
    torch.set_num_threads(1)
    examples, output, *cases = sys.argv[1:]
    world = World.join(device="cpu")
    for case in cases:
        # For hsdp: as if two of the ranks were on each host.
        os.environ["LOCAL_WORLD_SIZE"] = "2"
        train(world, examples, output, *case.split(":"))
    world.leave()
    assert Path(output).is_dir()
