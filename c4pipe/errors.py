"""Errors that a user can cause and mend."""


class UserError(Exception):
    """Something the user can mend. The message is one line: what is wrong, and what to do about it.

    Commands print it on standard error and exit with status 2 (see `command_line.run`).
    """
