"""Reading the command line of a pipeline without importing Beam: our flags, and the rest, which are Beam's.

Importing Beam takes more than a second. `--help` and most mistakes are answered before that.
"""

import argparse
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from c4pipe.command_line import Parser, option_strings, unknown_argument
from c4pipe.errors import UserError

# The input that one core processes in about the time that worker processes take to start.
SMALL_BYTES = 4 << 20
_FILE_URL = re.compile(r"(^|[,:])file://(?:localhost)?(?=/)")
_FLAG_IN_SOURCE = re.compile(r"""['"](--?[A-Za-z][\w-]*)['"]""")


@dataclass(frozen=True)
class BeamFlags:
    """The arguments that our parser did not recognise. program, ours: its name and all of its flags, for messages."""

    program: str
    ours: tuple[str, ...]
    rest: tuple[str, ...]

    def names(self, *flags: str) -> bool:
        """Whether any of these flags of Beam was given."""
        return any(argument.split("=", 1)[0] in flags for argument in self.rest)

    def allow_one_process(self, num_bytes: float) -> bool:
        """Whether so little input is read that one process is enough, and no flag says where the work is done."""
        return num_bytes < SMALL_BYTES and not self.names("--runner", "--direct_running_mode", "--direct_num_workers")

    def unknown(self, argument: str, beams: Iterable[str]) -> UserError:
        """The error for an argument that is neither a flag of ours nor of Beam."""
        return unknown_argument(
            argument, [*self.ours, *beams], f"{self.program} --help; flags of Beam are accepted too"
        )


def parse(parser: Parser, argv: Sequence[str] | None = None) -> tuple[argparse.Namespace, BeamFlags]:
    """Split a command line into our flags and those that may be Beam's (see `beam_options.options_of`).

    Raises: UserError for a flag of ours with a bad value, or one that is neither ours nor named in Beam's sources.
    """
    parser.add_argument(
        "--shared_paths",
        action="store_true",
        help="all workers of the cluster mount local paths at the same place (NFS, Lustre, ...)",
    )
    parser.epilog = "All flags of Beam are accepted too, such as --direct_num_workers=4 or --runner=FlinkRunner."
    flags, rest = parser.parse_known_args(argv)
    _plain_paths(flags)
    beam_flags = BeamFlags(parser.prog, tuple(option_strings(parser)), tuple(rest))
    _refuse_what_is_surely_unknown(beam_flags)
    return flags, beam_flags


def names_in_sources() -> frozenset[str]:
    """All flags that occur in the sources of Beam's options; empty if Beam is not installed.

    The result may contain more than Beam's flags but never less, so a flag that is not in it is unknown.
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
    if not names:  # Beam is installed without sources, or not at all; importing it will show this
        return
    first, *others = beam_flags.rest
    flags = [argument for argument in others if argument.startswith("--")]
    # The first argument cannot be the value of a flag. Later arguments without dashes may be values.
    for argument in (first, *flags):
        name = argument.split("=", 1)[0]
        if name not in names:
            raise beam_flags.unknown(name, names)


def _plain_paths(flags: argparse.Namespace) -> None:
    """Replace `file:///x` by `/x` in all flags, also in lists with commas, so that it counts as a local path."""
    for name, value in vars(flags).items():
        if isinstance(value, str):
            setattr(flags, name, _FILE_URL.sub(r"\1", value))
