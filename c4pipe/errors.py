"""The error for everything that a user can mend, and the end of a command whose work goes on elsewhere."""


class UserError(Exception):
    """A fault that the user can mend. The message is one line: what is wrong, and what to do about it.

    Commands print it on standard error and exit with status 2 (see `command_line.run`).
    """


class HandedOver(Exception):
    """Another service does the work from here. The message is one line, which says how to finish the result then.

    Commands print it and exit with status 0.
    """
