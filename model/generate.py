"""Generate a text for each input text: `python -m model.generate --checkpoint=RUN "sst2 sentence: ..."`.

The output has one line per text, in the same order. If no text is given, each line of --input or of standard input is
a text. `<extra_id_0>` in a text means the sentinel, with or without spaces around it.

With --temperature, --top_k or --top_p, tokens are sampled. The sampled text of a line depends on --seed and the number
of the line, but not on the other lines or --batch_size. The file of --output appears whole or not at all. FILE.json
beside it says what it was made from, so that the same command does nothing when it is given again.
"""

import argparse
import math

from c4pipe.command_line import Parser, importing, run
from c4pipe.errors import UserError
from model.generation.defaults import DEFAULT_BATCH_SIZE, DEFAULT_MAX_LENGTH


def parser() -> Parser:
    """The flags of the command."""
    flags = Parser(prog="python -m model.generate", description=__doc__)
    add = flags.add_argument
    add(
        "texts", nargs="*", metavar="TEXT", help="inputs of the model (default: the lines of --input or standard input)"
    )
    add("--input", metavar="FILE", help="a file with one text per line")
    add("--output", metavar="FILE", help="the file to write to (default: standard output)")
    add(
        "--checkpoint",
        required=True,
        metavar="RUN[@best|@last|@STEP]",
        help="a run, a Hugging Face T5 folder, or a model of the hub",
    )
    add(
        "--num_beams",
        type=int,
        default=1,
        metavar="N",
        help="1: greedy decoding; the paper has 4 for translation and summaries",
    )
    add(
        "--length_penalty",
        type=float,
        default=0.6,
        metavar="X",
        help="beam search ranks hypotheses by log probability / length^X",
    )
    add(
        "--temperature",
        type=float,
        metavar="X",
        help="sample tokens, with logits divided by X (default: 1 if sampling)",
    )
    add("--top_k", type=int, metavar="N", help="sample from the N most likely tokens (default: all if sampling)")
    add(
        "--top_p",
        type=float,
        metavar="X",
        help="sample from the fewest most likely tokens that together have probability X",
    )
    add("--seed", type=int, default=0, metavar="N", help="random seed of sampling")
    add("--max_length", type=int, default=DEFAULT_MAX_LENGTH, metavar="N", help="most tokens to generate")
    add("--inputs_length", type=int, default=512, metavar="N", help="number of tokens after which inputs are cut")
    add("--batch_size", type=int, default=DEFAULT_BATCH_SIZE, metavar="N", help="how many texts are decoded together")
    add("--device", default="auto", help="where to compute: auto, cpu or cuda")
    add("--overwrite", action="store_true", help="replace the file of --output")
    add("--dry_run", action="store_true", help="only say what would be done")
    return flags


def _check_sampling(arguments: argparse.Namespace) -> None:
    temperature, top_k, top_p = arguments.temperature, arguments.top_k, arguments.top_p
    if temperature is not None and not (temperature > 0 and math.isfinite(temperature)):
        raise UserError(f"--temperature is {temperature}; it must be above 0 (greedy decoding needs no flag)")
    if top_k is not None and top_k < 1:
        raise UserError(f"--top_k is {top_k}; it must be at least 1")
    if top_p is not None and not 0 < top_p <= 1:
        raise UserError(f"--top_p is {top_p}; it must be above 0 and at most 1")
    if arguments.num_beams > 1 and not (temperature is top_k is top_p is None):
        raise UserError("--num_beams searches for the likeliest text, so nothing can be drawn; drop one of the two")


def main(argv: list[str] | None = None) -> int:
    """Run the command. Returns: the exit status."""
    arguments = parser().parse_args(argv)
    for name in ("num_beams", "max_length", "inputs_length", "batch_size"):
        if getattr(arguments, name) < 1:
            raise UserError(f"--{name} is {getattr(arguments, name)}; it must be at least 1")
    _check_sampling(arguments)
    if arguments.texts and arguments.input:
        raise UserError("texts are given and --input too; give one of them")
    if arguments.overwrite and not arguments.output:
        raise UserError("--overwrite replaces the file of --output, which is not given")
    with importing():
        from model.actions import generate
    return generate.perform(arguments)


if __name__ == "__main__":
    run(main)
