"""Write a checkpoint as a Hugging Face T5 folder: `python -m model.export --checkpoint=RUN --output=DIR`.

The folder has config.json, model.safetensors, spiece.model, the tokenizer's files and a model card (README.md);
`AutoTokenizer` and `T5ForConditionalGeneration` load it. The tokenizer is compared with spiece.model on texts first.
"""

from c4pipe.command_line import Parser, run


def parser() -> Parser:
    """The command's flags."""
    flags = Parser(prog="python -m model.export", description=__doc__)
    flags.add_argument("--checkpoint", required=True, metavar="RUN[@best|@last|@STEP]", help="or a Hugging Face folder")
    flags.add_argument("--output", required=True, metavar="DIR", help="the folder to write")
    flags.add_argument("--dry_run", action="store_true", help="say what would be written, write nothing")
    return flags


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    arguments = parser().parse_args(argv)
    from model.actions import export

    return export.perform(arguments)


if __name__ == "__main__":
    run(main)
