"""Shared by all commands: unknown flags are errors, and an error that the user can mend is one line and status 2."""

import argparse
import contextlib
import errno
import gc
import os
import signal
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from types import FrameType
from typing import Any, NoReturn, TypeVar, get_args, get_type_hints

from c4pipe.choices import check_choice, did_you_mean
from c4pipe.errors import HandedOver, UserError
from c4pipe.outside import keep_trace, service_message
from c4pipe.shown import ShownStream, one_line

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
PATIENCE_SECONDS = 15.0

Record = TypeVar("Record")
_FLAG = "flag"
_runs = False


class Parser(argparse.ArgumentParser):
    """An argument parser that takes no abbreviations and answers a mistake with one line."""

    def __init__(self, **kwargs) -> None:
        kwargs.setdefault("allow_abbrev", False)
        kwargs.setdefault("formatter_class", _HelpFormatter)
        super().__init__(**kwargs)

    def parse_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        found, rest = self.parse_known_args(args, namespace)
        if rest:
            raise unknown_argument(rest[0], option_strings(self), f"{self.prog} --help")
        return found

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            check_choice(action.option_strings[0] if action.option_strings else action.dest, value, action.choices)


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of the description, and shows each default that is a value."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        is_told = "%(default)" in text or action.default is argparse.SUPPRESS or not action.option_strings
        if is_told or action.required or action.default is None or action.default is False or action.default == "":
            return text
        return f"{text} (default: %(default)s)"

    def _get_default_metavar_for_optional(self, action: argparse.Action) -> str:
        if action.type in (int, float):
            return "N" if action.type is int else "X"
        return action.dest.upper()


@dataclass(frozen=True)
class Flag:
    """How a field of a dataclass becomes a flag. otherwise: for the help, the value used if the default is None."""

    help: str
    metavar: str | None = None
    choices: Sequence[str] | None = None
    otherwise: str = ""


def flag(default: Any = MISSING, *, help: str, **more: Any) -> Any:
    """A field of a dataclass that becomes a flag of the same name. more: the other fields of `Flag`."""
    return field(default=default, metadata={_FLAG: Flag(help, **more)})


def add_flags(
    parser: argparse.ArgumentParser,
    title: str | None,
    record: type,
    *,
    defaults: object | None = None,
    otherwise: Mapping[str, str] | None = None,
) -> None:
    """Add a group with one flag for every field of a dataclass that was made by `flag`.

    title: of the group; None: the flags are in no group of their own. defaults: an instance whose values are the
    defaults, if a command has its own. otherwise: field name -> for the help, the value that this command uses if the
    default is None.
    """
    group = parser if title is None else parser.add_argument_group(title)
    types_of = get_type_hints(record)
    for entry in fields(record):
        described: Flag | None = entry.metadata.get(_FLAG)
        if described is None:
            continue
        default = getattr(defaults, entry.name) if defaults is not None else entry.default
        value = (otherwise or {}).get(entry.name, described.otherwise)
        help_text = f"{described.help} (default: {value})" if value and default is None else described.help
        help_text = help_text.replace("%", "%%")
        if types_of[entry.name] is bool:
            group.add_argument(f"--{entry.name}", action="store_true", default=default, help=help_text)
            continue
        group.add_argument(
            f"--{entry.name}",
            type=_plain_type(types_of[entry.name]),
            default=None if default is MISSING else default,
            required=default is MISSING,
            choices=described.choices,
            metavar=described.metavar,
            help=help_text,
        )


def from_flags(record: type[Record], arguments: argparse.Namespace) -> Record:
    """An instance of the dataclass, filled from the flags that `add_flags` added."""
    return record(**{entry.name: getattr(arguments, entry.name) for entry in fields(record)})  # type: ignore[arg-type]


def option_strings(parser: argparse.ArgumentParser) -> list[str]:
    """All flags of a parser, with their dashes."""
    return [name for action in parser._actions for name in action.option_strings]


def unknown_argument(argument: str, flags: Iterable[str], where: str) -> UserError:
    """The error for an argument that no flag takes. where: the command that tells more."""
    what = "flag" if argument.startswith("-") else "argument"
    if what == "argument" and os.path.exists(argument):
        return UserError(
            f"unknown argument {argument}: the shell made several words of a glob; quote it, as in --input='*.gz' "
            f"(see {where})"
        )
    hint = did_you_mean(argument.split("=", 1)[0], flags).rstrip(".")
    return UserError(f"unknown {what} {argument}{hint} (see {where})")


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Stop the garbage collector while a command imports its action.

    Otherwise the collector scans all modules repeatedly, which takes a third of the time to import Beam or torch. An
    import makes hardly any garbage. Warnings about packages that a library can do without are not shown.
    """
    import logging  # not needed for `--help`

    was_enabled, least = gc.isenabled(), logging.root.manager.disable
    gc.disable()
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(least)
        if was_enabled:
            gc.enable()


@contextlib.contextmanager
def stops_on_sigterm() -> Iterator[None]:
    """Within the block, SIGTERM interrupts like Ctrl-C, so that the command cleans up and prints one line."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # this is not the main thread, so the caller handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run(main: Callable[[], int | None], *, is_speaker: Callable[[], bool] = lambda: True) -> NoReturn:
    """Run a command's `main` and exit with its status.

    A `UserError`, a full disk, or an error of a remote service becomes one line on standard error and status 2.
    `is_speaker` tells whether this process is the one that prints (rank 0 of a distributed run). Another process waits
    before it ends with an error (see `_complain`). Control characters are removed from everything that is printed to
    the terminal; credentials in URLs are removed from standard error too.
    """
    global _runs
    _runs = True
    sys.stderr = ShownStream(sys.stderr, hides_credentials=True)  # type: ignore[assignment]
    if sys.stdout.isatty():
        sys.stdout = ShownStream(sys.stdout, hides_credentials=False)  # type: ignore[assignment]
    try:
        status = main() or 0
    except UserError as error:
        status = _complain(str(error), is_speaker())
    except HandedOver as handed_over:
        status = 0
        print(handed_over)
    except KeyboardInterrupt:
        status = EXIT_INTERRUPTED
        if is_speaker():
            print("interrupted; the same command continues from what is committed", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except Exception as error:
        message = (system_message(error) if isinstance(error, OSError) else None) or _service_message(error)
        if message is None:
            raise
        status = _complain(message, is_speaker())
    if "triton" not in sys.modules:  # Triton 3.9 would print a page about each kind of object that it still has
        gc.freeze()  # what is left ends with the process, without being searched for garbage first
    raise SystemExit(status)


def is_only_command() -> bool:
    """Whether this process does a single command, by `run`, and then ends."""
    return _runs


def _service_message(error: Exception) -> str | None:
    """`service_message`, with the name of the file that has the whole trace."""
    message = service_message(error)
    return f"{message} (the whole trace: {keep_trace(error)})" if message else None


# Errors of the system about paths that the user chose: no permission, or something else is at that path.
_OF_PATHS = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
        *(errno.ENOTEMPTY, errno.ELOOP, errno.ENAMETOOLONG, errno.EIO, errno.ESTALE),
    }
)


def system_message(error: OSError) -> str | None:
    """A one-line message for a system error that the user can mend; None for any other error."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" at {error.filename}" if error.filename else ""
        return f"the disk is full{where}; make space and run the same command again"
    if error.errno in _OF_PATHS and error.filename:
        return f"{error.filename}: {error.strerror}; check that the path is right and that you may read and write it"
    return None


def _plain_type(annotation: Any) -> type:
    """
    >>> _plain_type(float | None)
    <class 'float'>
    """
    if isinstance(annotation, types.UnionType):
        (annotation,) = (part for part in get_args(annotation) if part is not type(None))
    return annotation


def _complain(message: str, is_speaker: bool) -> int:
    """Print an error, once for all processes of a run.

    Most mistakes stop every rank with the same message, and only rank 0 should print it. But torchrun ends all ranks as
    soon as the first has ended. A rank that ended at once could thus silence rank 0, so it waits to be ended by
    torchrun. If nothing ends it, then rank 0 did not fail, and this rank prints its error itself.
    """
    if not is_speaker:
        time.sleep(PATIENCE_SECONDS)
        here = f"rank {os.environ.get('RANK', '?')}"
        # Errors about the contact between ranks begin with the rank and its host.
        message = message if message.startswith(f"{here} ") else f"{here}: {message}"
    print(f"error: {one_line(message)}", file=sys.stderr)
    return EXIT_USER_ERROR
