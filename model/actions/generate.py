"""What `generate` does after its flags are parsed."""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from c4pipe.command_line import stops_on_sigterm
from c4pipe.errors import UserError
from c4pipe.progress import ProgressLine, duration
from c4pipe.shards import files
from model.checkpoints import hugging_face
from model.checkpoints.loading import find_checkpoint
from model.checkpoints.opening import files_digest, local, open_model, resolve_device
from model.generation import generate
from model.generation.output_file import OutputFile
from model.generation.sampling import Sampling
from model.generation.watch import Watch


def perform(arguments: argparse.Namespace) -> int:
    """Do what the flags ask for. Returns: the exit status."""
    device = str(resolve_device(arguments.device))
    arguments.checkpoint = local(arguments.checkpoint)
    if not hugging_face.is_folder(arguments.checkpoint):
        find_checkpoint(arguments.checkpoint)
    if arguments.dry_run and not arguments.output:
        print(_plan(arguments, device))
        return 0
    texts = None if arguments.dry_run and not (arguments.texts or arguments.input) else _texts(arguments)
    if not arguments.output:
        for text in _generate(arguments, device, texts or []):
            print(text)
        return 0
    output = OutputFile(arguments.output, _identity(arguments, texts), overwrite=arguments.overwrite)
    if output.is_finished():
        print(f"{output.path} is finished already; nothing {'would be done' if arguments.dry_run else 'to do'}")
        return 0
    if arguments.dry_run:
        print(_plan(arguments, device))
        return 0
    began = time.monotonic()
    with stops_on_sigterm():
        lines = _generate(arguments, device, texts or [])
        output.write(lines)
    seconds = duration(time.monotonic() - began)
    empty = sum(not line for line in lines)
    print(f"{len(lines):,} texts ({empty:,} of them empty) in {seconds}; {output.path} written")
    return 0


def _texts(arguments: argparse.Namespace) -> list[str]:
    """Raises: UserError if the file of --input is missing or is not UTF-8."""
    if arguments.texts:
        return list(arguments.texts)
    if not arguments.input:
        return [line.rstrip("\n") for line in sys.stdin]
    try:
        content = files.read_bytes(arguments.input).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{arguments.input} is not UTF-8 (byte {error.start:,}); convert it") from None
    lines = content.split("\n")
    return [line.rstrip("\r") for line in (lines[:-1] if not lines[-1] else lines)]


def _generate(arguments: argparse.Namespace, device: str, texts: Sequence[str]) -> list[str]:
    """One line per text. Line breaks in a generated text become spaces."""
    model, vocabulary = open_model(arguments.checkpoint, device=device)
    # To standard output, short work says nothing.
    with ProgressLine("generating", len(texts), unit="texts", shows=bool(texts and arguments.output)) as progress:
        found = generate.generate_text(
            model,
            vocabulary,
            texts,
            inputs_length=arguments.inputs_length,
            max_length=arguments.max_length,
            num_beams=arguments.num_beams,
            length_penalty=arguments.length_penalty,
            batch_size=arguments.batch_size,
            sampling=_sampling(arguments),
            watch=Watch(advance=progress.advance),
        )
    return [" ".join(text.splitlines()) for text in found]


def _sampling(arguments: argparse.Namespace) -> Sampling | None:
    if arguments.temperature is arguments.top_k is arguments.top_p is None:
        return None
    return Sampling(
        arguments.seed,
        1.0 if arguments.temperature is None else arguments.temperature,
        arguments.top_k or 0,
        1.0 if arguments.top_p is None else arguments.top_p,
    )


def _identity(arguments: argparse.Namespace, texts: Sequence[str] | None) -> dict[str, Any]:
    """Everything that decides the output. --batch_size does not, but for rounding."""
    names = ("num_beams", "length_penalty", "max_length", "inputs_length", "temperature", "top_k", "top_p", "seed")
    return {
        "weights_sha256": files_digest(arguments.checkpoint),
        "texts_sha256": None if texts is None else hashlib.sha256(json.dumps(texts).encode()).hexdigest(),
        **{name: getattr(arguments, name) for name in names},
    }


def _plan(arguments: argparse.Namespace, device: str) -> str:
    how = "greedily" if arguments.num_beams == 1 else f"with {arguments.num_beams} beams"
    if _sampling(arguments) is not None:
        how = f"by drawing with seed {arguments.seed}"
    what = f"{len(arguments.texts)} texts" if arguments.texts else "the lines of standard input"
    what = f"the lines of {arguments.input}" if arguments.input else what
    into = f" into {arguments.output}" if arguments.output else ""
    return (
        f"would read {what}, at most {arguments.inputs_length} tokens each, and generate {how} at most "
        f"{arguments.max_length} tokens for each{into}, with {arguments.checkpoint} on {device}"
    )
