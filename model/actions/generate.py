"""What `generate` does after its flags are parsed."""

import argparse
import sys

from model.checkpoints import hugging_face
from model.checkpoints.loading import find_checkpoint
from model.checkpoints.opening import open_model, resolve_device
from model.generation import generate


def perform(arguments: argparse.Namespace) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    device = resolve_device(arguments.device)
    if arguments.dry_run:
        if not hugging_face.is_folder(arguments.checkpoint):
            find_checkpoint(arguments.checkpoint)
        print(_plan(arguments, str(device)))
        return 0
    texts = arguments.texts or [line.rstrip("\n") for line in sys.stdin]
    model, vocabulary = open_model(arguments.checkpoint, device=device)
    for text in generate.generate_text(
        model,
        vocabulary,
        texts,
        inputs_length=arguments.inputs_length,
        max_length=arguments.max_length,
        num_beams=arguments.num_beams,
        length_penalty=arguments.length_penalty,
        batch_size=arguments.batch_size,
    ):
        print(" ".join(text.splitlines()))
    return 0


def _plan(arguments: argparse.Namespace, device: str) -> str:
    how = "greedily" if arguments.num_beams == 1 else f"with {arguments.num_beams} beams"
    what = f"{len(arguments.texts)} texts" if arguments.texts else "the lines of standard input"
    return (
        f"would read {what}, at most {arguments.inputs_length} tokens each, and generate {how} at most "
        f"{arguments.max_length} tokens for each, with {arguments.checkpoint} on {device}"
    )
