"""Generate a text for each input text: `python -m model.generate --checkpoint=RUN "sst2 sentence: ..."`.

The output has one line per text, in the same order. If no text is given, each line of standard input is a text.
`<extra_id_0>` in a text means the sentinel, with or without spaces around it.
"""

from c4pipe.command_line import Parser, importing, run
from c4pipe.errors import UserError
from model.generation.defaults import DEFAULT_BATCH_SIZE, DEFAULT_MAX_LENGTH


def parser() -> Parser:
    """The flags of the command."""
    flags = Parser(prog="python -m model.generate", description=__doc__)
    add = flags.add_argument
    add("texts", nargs="*", metavar="TEXT", help="inputs of the model (default: the lines of standard input)")
    add("--checkpoint", required=True, metavar="RUN[@best|@last|@STEP]", help="a run, or a Hugging Face T5 folder")
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
    add("--max_length", type=int, default=DEFAULT_MAX_LENGTH, metavar="N", help="most tokens to generate")
    add("--inputs_length", type=int, default=512, metavar="N", help="number of tokens after which inputs are cut")
    add("--batch_size", type=int, default=DEFAULT_BATCH_SIZE, metavar="N", help="how many texts are decoded together")
    add("--device", default="auto", help="where to compute: auto, cpu or cuda")
    add("--dry_run", action="store_true", help="only say what would be done")
    return flags


def main(argv: list[str] | None = None) -> int:
    """Run the command. Returns: the exit status."""
    arguments = parser().parse_args(argv)
    for name in ("num_beams", "max_length", "inputs_length", "batch_size"):
        if getattr(arguments, name) < 1:
            raise UserError(f"--{name} is {getattr(arguments, name)}; it must be at least 1")
    with importing():
        from model.actions import generate
    return generate.perform(arguments)


if __name__ == "__main__":
    run(main)
