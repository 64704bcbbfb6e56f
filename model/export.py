"""Write a checkpoint as a Hugging Face T5 folder: `python -m model.export --checkpoint=RUN --output=DIR`.

The folder has config.json, model.safetensors, spiece.model, the tokenizer's files and a model card (README.md), and
`AutoTokenizer` and `T5ForConditionalGeneration` can load it. Before it is written, the tokenizer is compared with
spiece.model on sample texts.
"""

from c4pipe.command_line import Parser, importing, run


def parser() -> Parser:
    """The flags of the command."""
    flags = Parser(prog="python -m model.export", description=__doc__)
    add = flags.add_argument
    add(
        "--checkpoint",
        required=True,
        metavar="RUN[@best|@last|@STEP]",
        help="a run, a Hugging Face T5 folder, or a model of the hub such as google/t5-v1_1-base",
    )
    add("--output", required=True, metavar="DIR", help="the folder to write")
    add(
        "--push_to",
        metavar="OWNER/NAME",
        help="also upload the folder to the Hugging Face hub; a new model there is private",
    )
    add("--dry_run", action="store_true", help="only say what would be written")
    return flags


def main(argv: list[str] | None = None) -> int:
    """Run the command. Returns: the exit status."""
    arguments = parser().parse_args(argv)
    with importing():
        from model.actions import export
    return export.perform(arguments)


if __name__ == "__main__":
    run(main)
