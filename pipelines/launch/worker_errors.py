"""The error that ended a run, as a single line. Most runners give a worker's exception as the text of another one."""

import errno
import re

from c4pipe.command_line import system_message
from c4pipe.errors import UserError
from c4pipe.outside import causes, in_one_line, keep_trace, service_message

# Messages of exceptions if a worker process has ended: ours, and Beam's if the worker had connected.
GONE = ("Worker process ended", "Channel closed prematurely")
_DISK_FULL = "the disk is full; free space and run the same command again: it continues from what is committed"
_WORKER_GONE = (
    "a worker process was killed, perhaps because memory ran out; the same command continues from what is committed; "
    "use fewer --direct_num_workers to need less memory"
)
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
# Patterns for the text of another exception.
_USER_ERROR = re.compile(r"(?:c4pipe\.errors\.)?UserError: (.+?)(?: \[while running .*)?(?:\n|\\n|$)")
_SYSTEM_ERROR = re.compile(r"Error: \[Errno (\d+)\] ([^:\n]+): '([^'\n]+)'")
_WHILE = " [while running "


def as_user_error(error: Exception, words: str = "") -> UserError:
    """A single-line error for the exception that ended a run.

    If it is a mistake that the user can correct, this is the worker's message. Otherwise the line names a file with the
    whole traceback and with `words`, the output of the worker processes.
    """
    if message := _mendable(error):
        return UserError(message)
    message = service_message(error)
    if message is None and any(sign in str(error) for sign in GONE):
        message = _WORKER_GONE
    message = message or f"a worker failed: {_last_line(error)}"
    return UserError(f"{message} (the whole trace: {keep_trace(error, words)})")


def _mendable(error: Exception) -> str | None:
    """The message of a UserError or of a system error inside a runner's exception; None if there is none."""
    for cause in causes(error):
        if isinstance(cause, UserError):
            return str(cause).split(_WHILE)[0]
        if isinstance(cause, OSError) and (message := _system_message(cause)):
            return message.split(_WHILE)[0]
    text = str(error)
    if found := _USER_ERROR.findall(text):
        return str(found[-1])
    if any(f"[Errno {number}]" in text for number in _NO_SPACE):
        return _DISK_FULL
    errors = (OSError(int(number), what, name) for number, what, name in reversed(_SYSTEM_ERROR.findall(text)))
    return next(filter(None, map(_system_message, errors)), None)


def _system_message(error: OSError) -> str | None:
    return _DISK_FULL if error.errno in _NO_SPACE else system_message(error)


def _last_line(error: Exception) -> str:
    """The worker's exception without the traceback that some runners put into its text."""
    lines = [line.strip() for line in str(error).split(_WHILE)[0].splitlines() if line.strip()] or [""]
    kind, colon, message = lines[-1].partition(": ")
    is_text_of_another = len(lines) > 1 and colon and kind.replace(".", "").isidentifier()
    return in_one_line(kind, message) if is_text_of_another else in_one_line(type(error).__name__, lines[-1])
