"""What every command shares: flags that are errors when unknown, one line and status 2 when the user can mend it."""

import argparse
import errno
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from c4pipe.errors import UserError

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
    process is the one that prints (rank 0 of a distributed run).
    """
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
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = f" at {error.filename}" if error.filename else ""
        status = _complain(f"the disk is full{where}; make space and run the same command again", is_speaker())
    raise SystemExit(status)


def _complain(message: str, aloud: bool) -> int:
    if aloud:
        one_line = " ".join(message.split())
        print(f"error: {one_line}", file=sys.stderr)
    return EXIT_USER_ERROR
