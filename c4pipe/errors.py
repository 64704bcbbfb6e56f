"""The error for everything that a user can mend."""


class UserError(Exception):
    """A fault that the user can mend. The message is one line: what is wrong, and what to do about it.

    Commands print it on standard error and exit with status 2 (see `command_line.run`).
    """
