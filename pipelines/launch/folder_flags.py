"""The flags `--overwrite` and `--dry_run`, for commands that write one output folder (see `folders.output_folder`)."""

from c4pipe.command_line import Parser


def add(parser: Parser, *, dry_run: str) -> None:
    """Add the flags to a parser. dry_run: the help of `--dry_run`, which says what the command only tells then."""
    add_flag = parser.add_argument
    add_flag("--overwrite", action="store_true", help="replace the result of another run in the output folder")
    add_flag("--dry_run", action="store_true", help=dry_run)
