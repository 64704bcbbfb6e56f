"""Saving and exporting a large model whose parameters are sharded over processes: CPU seconds and memory.

    python benchmarks/large_checkpoint.py [--preset=t5_large] [--ranks=2] [--folder=DIR]

Each process has a share of the parameters (gloo on the CPU) and saves it as in training: a copy, for which training
waits, and then the writing of it, with its SHA-256, in the background. The model is then exported to Hugging Face's
format by a process of its own. Memory is what a process has for itself at most, without the pages of files that it maps
(`RssAnon`, looked at each hundredth of a second). Parameters are drawn by the seed, and there is no
step, so there is no state of the optimizer: Adafactor's is a small part of the parameters.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from model.architectures.presets import preset
from model.checkpoints import hugging_face_export, step_folder
from model.checkpoints.run_folder import RunFolder
from model.checkpoints.saver import CheckpointSaver
from model.checkpoints.step_folder import State
from model.training.parallel.sharding import place_model
from model.training.parallel.writers import writers_of
from model.training.ranks.world import World
from model.training.settings import TrainingSettings

STEP = 1


class Memory(threading.Thread):
    """Looks at the memory of this process until it ends."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.before = self.most = self._now()
        self.start()

    def run(self) -> None:
        while True:
            self.most = max(self.most, self._now())
            time.sleep(0.01)

    @staticmethod
    def _now() -> float:
        """GB."""
        status = Path("/proc/self/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", status)[1]) * 1024 / 1e9  # type: ignore[index]


def save(name: str, folder: str) -> None:
    """What each process does."""
    world = World.join(device="cpu")
    settings = TrainingSettings(steps=1, batch_size=world.size).completed()
    model = place_model(preset(name), world, settings, "fsdp", {})
    writers = writers_of(model, world)
    assert writers is not None
    saver = CheckpointSaver(RunFolder(folder), keep=1, metric="loss", higher_is_better=False, writers=writers)
    memory, cpu, wall = Memory(), time.process_time(), time.perf_counter()
    waited = saver.save(State(STEP, 0), dict(model.named_parameters()), {})
    copied = time.process_time() - cpu
    saver.wait()
    if saver.failure is not None:
        raise saver.failure
    rows = world.gather_rows(
        [memory.before, memory.most, copied, waited, time.process_time() - cpu - copied, time.perf_counter() - wall]
    )
    if world.is_first:
        print(f"{name}, {sum(parameter.numel() for parameter in model.parameters()):,} parameters")
        for rank, (without, most, copy_cpu, copy_wall, write_cpu, all_wall) in enumerate(rows):
            print(
                f"  rank {rank}: {without:.2f} GB before, {most:.2f} GB at most; copy {copy_cpu:.2f} CPU s "
                f"({copy_wall:.2f} s), writing {write_cpu:.2f} CPU s, all {all_wall:.2f} s"
            )
    world.leave()


def export(name: str, folder: str, output: str, shard_bytes: int) -> None:
    """Export the weights in files of at most `shard_bytes`."""
    hugging_face_export.MAX_SHARD_BYTES = shard_bytes
    weights = step_folder.read_weights(RunFolder(folder).of_step(STEP))
    Path(output).mkdir()
    memory, cpu = Memory(), time.process_time()
    shards = hugging_face_export._write_weights(output, preset(name), weights)
    size = sum(path.stat().st_size for path in Path(output).iterdir())
    print(
        f"  export: {size / 1e9:.2f} GB in {max(len(shards), 1)} files of at most {shard_bytes / 1e9:.2f} GB, "
        f"{time.process_time() - cpu:.2f} CPU s; {memory.before:.2f} GB before, {memory.most:.2f} GB at most"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="t5_large")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--shard_bytes", type=float, default=1e9, help="of the exported files")
    parser.add_argument("--folder", help="on the disk to measure; default: a temporary folder")
    parser.add_argument("--part", choices=["save", "export"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part == "save":
        return save(arguments.preset, arguments.folder)
    if arguments.part == "export":
        return export(arguments.preset, arguments.folder, f"{arguments.folder}/exported", int(arguments.shard_bytes))
    print(f"torch {torch.__version__}, {time.strftime('%Y-%m-%d')}", flush=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={arguments.ranks}"]
        flags = [__file__, f"--preset={arguments.preset}", f"--folder={folder}"]
        subprocess.run([sys.executable, *torchrun, *flags, "--part=save"], check=True, env=environment)
        flags += [f"--shard_bytes={arguments.shard_bytes}", "--part=export"]
        subprocess.run([sys.executable, *flags], check=True, env=environment)


if __name__ == "__main__":
    main()
