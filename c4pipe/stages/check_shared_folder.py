"""Checks that workers see the launcher's folders: each reads a file of the launcher, and writes an answer beside it."""

import os

from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.stages.engine import beam

_HOW_TO_MEND = "mount it at the same place on every machine, or give a URL that all of them share (gs://, s3://, ...)"


def question_path(folder: str, token: str) -> str:
    """The path of the launcher's file. Its ending is one that the next run removes, in case this run is killed."""
    return files.join(folder, f"shared-{token}{files.TEMPORARY_SUFFIX}")


def answer_path(folder: str, token: str, number: int) -> str:
    """The path of the answer of the worker with this number."""
    return files.join(folder, f"shared-{token}-{number}{files.TEMPORARY_SUFFIX}")


class CheckSharedFolders(beam.PTransform):
    """Pipeline -> the numbers of the answers that were written. folders: local paths with the launcher's question."""

    def __init__(self, folders: list[str], token: str, num_answers: int) -> None:
        super().__init__()
        self._folders, self._token, self._num_answers = folders, token, num_answers

    def expand(self, pipeline):
        return (
            pipeline
            | beam.Create(range(self._num_answers), reshuffle=False)
            | "Spread" >> beam.Reshuffle()
            | "Answer" >> beam.Map(answer, self._folders, self._token)
        )


def answer(number: int, folders: list[str], token: str) -> int:
    """Write an answer into each folder. Raises: UserError if a folder does not have the launcher's question."""
    for folder in folders:
        try:
            found = files.read_bytes(question_path(folder, token)).decode()
        except UserError:
            found = ""
        if not found and os.path.isdir(folder) and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise UserError(
                f"--shared_paths was given, but a worker may not use {folder}: it belongs to uid "
                f"{os.stat(folder).st_uid}, and the worker has uid {os.geteuid()}; run all workers as the user who "
                "starts the command"
            )
        if found != token:
            raise UserError(
                f"--shared_paths was given, but a worker does not see {folder} as it is here; {_HOW_TO_MEND}"
            )
        # The file is written whole under a fixed name, so an attempt that runs twice leaves the same file.
        files.write_bytes(answer_path(folder, token, number), token.encode())
    return number
