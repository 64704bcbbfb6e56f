"""Text in, text out: `python -m model.generate --checkpoint=RUN "sst2 sentence: ..."`.

One line of output for each text, in their order. Without a text, each line of standard input is one. `<extra_id_0>` in
a text is the sentinel, with or without spaces beside it.
"""

from c4pipe.command_line import Parser, run
from c4pipe.errors import UserError
from model.generation.defaults import DEFAULT_BATCH_SIZE, DEFAULT_MAX_LENGTH


def parser() -> Parser:
    """The command's flags."""
    flags = Parser(prog="python -m model.generate", description=__doc__)
    add = flags.add_argument
    add("texts", nargs="*", metavar="TEXT", help="what the model reads; none: the lines of standard input")
    add("--checkpoint", required=True, metavar="RUN[@best|@last|@STEP]", help="or a Hugging Face folder")
    add("--num_beams", type=int, default=1, metavar="N", help="1: greedy; the paper's translations and summaries: 4")
    add("--length_penalty", type=float, default=0.6, metavar="X", help="of beam search: score / length^X")
    add("--max_length", type=int, default=DEFAULT_MAX_LENGTH, metavar="N", help="most tokens to generate")
    add("--inputs_length", type=int, default=512, metavar="N", help="longer inputs lose their end")
    add("--batch_size", type=int, default=DEFAULT_BATCH_SIZE, metavar="N", help="texts at a time")
    add("--device", default="auto", help="auto, cpu or cuda")
    add("--dry_run", action="store_true", help="say what would be done, generate nothing")
    return flags


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    arguments = parser().parse_args(argv)
    for name in ("num_beams", "max_length", "inputs_length", "batch_size"):
        if getattr(arguments, name) < 1:
            raise UserError(f"--{name} is {getattr(arguments, name)}; it must be at least 1")
    from model.actions import generate

    return generate.perform(arguments)


if __name__ == "__main__":
    run(main)
