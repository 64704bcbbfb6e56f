"""Errors that a user can cause and mend, and the one of a worker that failed."""


class UserError(Exception):
    """Something the user can mend. The message is one line: what is wrong, and what to do about it.

    Commands print it on standard error and exit with status 2 (see `command_line.run`).
    """


class WorkerFailed(Exception):
    """Something that is not the user's to mend went wrong in a worker; the message is one line.

    trace: path of the file with the whole trace, which the message names.
    """

    def __init__(self, what: str, trace: str) -> None:
        super().__init__(f"a worker failed: {what} (the whole trace: {trace})")
        self.trace = trace
