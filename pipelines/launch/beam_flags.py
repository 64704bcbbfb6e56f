"""A command line of a pipeline, read without Beam: our flags, and what is left for Beam to understand.

Importing Beam takes more than a second. `--help` and a mistake are answered before that.
"""

import argparse
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from c4pipe.command_line import Parser, option_strings, unknown_argument
from c4pipe.errors import UserError

_FILE_URL = re.compile(r"(^|[,:])file://(?:localhost)?(?=/)")
_FLAG_IN_SOURCE = re.compile(r"""['"](--?[A-Za-z][\w-]*)['"]""")


@dataclass(frozen=True)
class BeamFlags:
    """What our parser left of a command line. program, ours: its name and all of its flags, for messages."""

    program: str
    ours: tuple[str, ...]
    rest: tuple[str, ...]

    def unknown(self, argument: str, beams: Iterable[str]) -> UserError:
        """The error for an argument that is neither ours nor among Beam's flags."""
        return unknown_argument(argument, [*self.ours, *beams], f"{self.program} --help; Beam's too")


def parse(parser: Parser, argv: Sequence[str] | None = None) -> tuple[argparse.Namespace, BeamFlags]:
    """Split a command line into our flags and what may be Beam's (see `beam_options.options_of`).

    Raises: UserError for a flag of ours with a bad value, or one that is neither ours nor named in Beam's sources.
    """
    parser.add_argument(
        "--shared_paths",
        action="store_true",
        help="local paths are mounted at the same place by all workers of a cluster (NFS, Lustre, ...)",
    )
    flags, rest = parser.parse_known_args(argv)
    _plain_paths(flags)
    beam_flags = BeamFlags(parser.prog, tuple(option_strings(parser)), tuple(rest))
    _refuse_what_is_surely_unknown(beam_flags)
    return flags, beam_flags


def names_in_sources() -> frozenset[str]:
    """Every flag that is written in the sources of Beam's options; empty where Beam is not installed.

    More than Beam has, never less, so a flag that is not among them is unknown.
    """
    found = find_spec("apache_beam")
    if found is None or found.origin is None:
        return frozenset()
    sources = sorted(Path(found.origin).with_name("options").glob("*.py"))
    return frozenset(name for path in sources for name in _FLAG_IN_SOURCE.findall(path.read_text(encoding="utf-8")))


def _refuse_what_is_surely_unknown(beam_flags: BeamFlags) -> None:
    if not beam_flags.rest:
        return
    names = names_in_sources()
    if not names:  # Beam comes as compiled files only, or not at all, which importing it will tell
        return
    first, *others = beam_flags.rest
    flags = [argument for argument in others if argument.startswith("--")]
    # What stands before all flags is no flag's value. Behind them a value may stand in a word of its own.
    for argument in (first, *flags):
        name = argument.split("=", 1)[0]
        if name not in names:
            raise beam_flags.unknown(name, names)


def _plain_paths(flags: argparse.Namespace) -> None:
    """Write `file:///x` as `/x` in all flags, lists with commas too: a local file is handled as one."""
    for name, value in vars(flags).items():
        if isinstance(value, str):
            setattr(flags, name, _FILE_URL.sub(r"\1", value))
