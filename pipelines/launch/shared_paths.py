"""Local paths that all machines mount: which paths a run uses, and whether its workers see the same folders there."""

import argparse
import os
import uuid
from collections.abc import Callable, Mapping

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from c4pipe.errors import UserError
from c4pipe.shards import files
from c4pipe.stages.check_shared_folder import CheckSharedFolders, answer_path, question_path

# More elements than a runner puts into a bundle, so that every worker of a small cluster answers.
_NUM_ANSWERS = 64


class SharedPathOptions(PipelineOptions):
    """The options of a pipeline for shared paths, in addition to Beam's own."""

    @classmethod
    def _add_argparse_args(cls, parser):
        parser.add_argument("--shared_paths", action="store_true")
        parser.add_argument("--shared_places", nargs="*", default=[], help=argparse.SUPPRESS)


def note(options: PipelineOptions, places: Mapping[str, str]) -> None:
    """Store the places (flag -> path) that workers must see.

    Raises: UserError for a path that is not absolute, because workers start in other folders.
    """
    local = {flag: path for flag, path in places.items() if not files.is_remote(path)}
    for flag, path in local.items():
        if not os.path.isabs(path):
            raise UserError(f"--{flag}={path} must be an absolute path, because workers start in other folders")
    options.view_as(SharedPathOptions).shared_places = sorted(set(local.values()))


def refuse(places: Mapping[str, str]) -> None:
    """Raises: UserError if a place (flag -> path) is a local path."""
    for flag, path in places.items():
        if not files.is_remote(path):
            raise UserError(
                f"--{flag}={path} is a path of this machine, which workers on other machines may not reach; give "
                "--shared_paths if all of them mount it at the same place, or use a URL (gs://, s3://, ...)"
            )


def check(options: PipelineOptions, run: Callable[[Callable[[beam.Pipeline], object]], object]) -> None:
    """With `--shared_paths`, let the workers check the shared folders before the work begins.

    run: runs a graph on the workers and waits for its end.
    Raises: UserError if a worker sees another folder at the same path.
    """
    shared = options.view_as(SharedPathOptions)
    folders = [folder for folder in shared.shared_places if os.path.isdir(folder) and os.access(folder, os.W_OK)]
    if not shared.shared_paths or not folders:
        return
    token = uuid.uuid4().hex
    try:
        for folder in folders:
            files.write_bytes(question_path(folder, token), token.encode())
        run(lambda pipeline: pipeline | CheckSharedFolders(folders, token, _NUM_ANSWERS))
        for folder in folders:
            _check_answers(folder, token)
    finally:
        for folder in folders:
            for name in files.list_folder(folder):
                if token in name:
                    files.remove(files.join(folder, name))


def _check_answers(folder: str, token: str) -> None:
    missing = sum(not files.exists(answer_path(folder, token, number)) for number in range(_NUM_ANSWERS))
    if missing:
        raise UserError(
            f"--shared_paths was given, but files that workers write to {folder} do not appear here ({missing} of "
            f"{_NUM_ANSWERS} answers are missing); mount it at the same place on every machine"
        )
