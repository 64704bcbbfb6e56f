"""What every command shares: flags that are errors when unknown, one line and status 2 when the user can mend it."""

import argparse
import errno
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from c4pipe.errors import UserError
from c4pipe.shown import ShownStream, visible, without_credentials

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """An argument parser that takes no abbreviations and answers a mistake with one line."""

    def __init__(self, **kwargs) -> None:
        kwargs.setdefault("allow_abbrev", False)
        kwargs.setdefault("formatter_class", _HelpFormatter)
        super().__init__(**kwargs)

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Keeps the line breaks of the description and shows each default."""


def run(main: Callable[[], int | None], *, is_speaker: Callable[[], bool] = lambda: True) -> NoReturn:
    """Run a command's `main` and exit with its status.

    A `UserError` or a full disk becomes one line on standard error and status 2. `is_speaker` tells whether this
    process is the one that prints (rank 0 of a distributed run). What goes to the terminal goes there without control
    characters, on standard error also without credentials of URLs.
    """
    sys.stderr = ShownStream(sys.stderr, hides_credentials=True)  # type: ignore[assignment]
    if sys.stdout.isatty():
        sys.stdout = ShownStream(sys.stdout, hides_credentials=False)  # type: ignore[assignment]
    try:
        status = main() or 0
    except UserError as error:
        status = _complain(str(error), is_speaker())
    except KeyboardInterrupt:
        status = EXIT_INTERRUPTED
        if is_speaker():
            print("interrupted; the same command continues from what is committed", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except OSError as error:
        message = of_the_system(error)
        if message is None:
            raise
        status = _complain(message, is_speaker())
    raise SystemExit(status)


# What the system says of paths that the user chose: no right to them, or something else is there.
_OF_PATHS = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
        *(errno.ENOTEMPTY, errno.ELOOP, errno.ENAMETOOLONG, errno.EIO, errno.ESTALE),
    }
)


def of_the_system(error: OSError) -> str | None:
    """One line for an error of the system that the user can mend; None for any other."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" at {error.filename}" if error.filename else ""
        return f"the disk is full{where}; make space and run the same command again"
    if error.errno in _OF_PATHS and error.filename:
        return f"{error.filename}: {error.strerror}; check that the path is right and that you may read and write it"
    return None


def _complain(message: str, aloud: bool) -> int:
    if aloud:
        one_line = without_credentials(visible(" ".join(message.split())))
        print(f"error: {one_line}", file=sys.stderr)
    return EXIT_USER_ERROR
