"""Beam's options of a command line, checked; and running what was built with them."""

import argparse
import errno
import logging
import os
import re
import shlex
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TextIO

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
    WorkerOptions,
)
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineResult, PipelineRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from c4pipe.choices import check_choice
from c4pipe.command_line import Parser, option_strings
from c4pipe.errors import UserError
from c4pipe.machine import num_cores
from pipelines.launch import shared_paths
from pipelines.launch.beam_flags import BeamFlags

# `DirectRunner` is a switch that tries to download another runner and uses that where it can; a run must not depend on
# what the network answers, so the local default is named.
LOCAL_RUNNER = "FnApiRunner"
_LOCAL_RUNNERS = frozenset(StandardOptions.LOCAL_RUNNERS)
_OFFERED_RUNNERS = tuple(name for name in StandardOptions.KNOWN_RUNNER_NAMES if not name.startswith("Test"))
_MULTI_PROCESSING = "multi_processing"


def options_of(flags: argparse.Namespace, beam_flags: BeamFlags) -> PipelineOptions:
    """Beam's options of a command line that `beam_flags.parse` has split.

    Where no runner is named, the local one is set, on every core that this process may use, in processes of their own
    where there is more than one.
    Raises: UserError for a flag that neither we nor Beam know (Beam itself would ignore it), or one with a bad value.
    """
    rest = list(beam_flags.rest)
    _check_beam_flags(beam_flags)
    options = PipelineOptions(rest)
    options.view_as(shared_paths.SharedPathOptions).shared_paths = flags.shared_paths
    if options.view_as(StandardOptions).runner is None:
        options.view_as(StandardOptions).runner = LOCAL_RUNNER
        _use_all_cores(options.view_as(DirectOptions), rest)
    return options


def is_local(options: PipelineOptions) -> bool:
    """Whether the pipeline runs on this machine alone, so that a local path means the same to every worker."""
    runner = (options.view_as(StandardOptions).runner or LOCAL_RUNNER).rsplit(".", 1)[-1]
    return runner in _LOCAL_RUNNERS


def refuse_local_paths(options: PipelineOptions, **places: str) -> None:
    """Raises: UserError if workers may run elsewhere and a place (flag -> path) is of this machine alone.

    With `--shared_paths` it is not refused; `run` has the workers look before the work begins.
    """
    if is_local(options) or options.view_as(PortableOptions).environment_type == "LOOPBACK":
        return
    if not options.view_as(shared_paths.SharedPathOptions).shared_paths:
        shared_paths.refuse(places)
    shared_paths.note(options, places)


def num_workers(options: PipelineOptions) -> int:
    """Processes (or threads) that a local runner will work with."""
    direct = options.view_as(DirectOptions)
    return direct.direct_num_workers or num_cores()


def run(build: Callable[[beam.Pipeline], object], options: PipelineOptions) -> PipelineResult:
    """Build a graph with `build(pipeline)`, run it and wait for its end; before it, `--shared_paths` is looked at.

    Raises: UserError if a worker met one or the disk is full; on most runners the worker's exception arrives as the
    text of another one.
    """
    shared_paths.check(options, lambda check: _run(check, options))
    return _run(build, options)


def _run(build: Callable[[beam.Pipeline], object], options: PipelineOptions) -> PipelineResult:
    if is_local(options):
        _quieten(options)
    pipeline = beam.Pipeline(runner=_runner(options), options=options)
    build(pipeline)
    with _workers_words_apart() if is_local(options) else nullcontext() as words:
        try:
            result = pipeline.run()
            result.wait_until_finish()
        except Exception as error:
            mendable = _mendable(error)
            if mendable is not None:
                raise mendable from error
            if words is not None and _WORKER_GONE in str(error):
                raise UserError(
                    "a worker process was killed, perhaps for want of memory; the same command goes on from what is "
                    "committed, and fewer --direct_num_workers need less"
                ) from error
            if words is not None:
                words.seek(0)
                sys.stderr.write(words.read()[-_MOST_WORDS:])
            raise
    return result


_MOST_WORDS = 20_000
_WORKER_GONE = "Channel closed prematurely"


@contextmanager
def _workers_words_apart() -> Iterator[TextIO]:
    """Send what worker processes print on standard error to a file; this process keeps its own.

    A worker of Beam prints the stack of every exception, whatever the log level; those words matter only where the
    error is none that the user can mend.
    """
    sys.stderr.flush()
    own, kept, excepthook = sys.stderr, os.dup(2), threading.excepthook
    with tempfile.TemporaryFile("w+", errors="replace") as words:
        os.dup2(words.fileno(), 2)
        if own is sys.__stderr__:
            sys.stderr = os.fdopen(os.dup(kept), "w", buffering=1, errors="backslashreplace")
        # Threads of the runner complain of their own where a worker is gone.
        threading.excepthook = lambda met: traceback.print_exception(met.exc_value, file=words)
        try:
            yield words
        finally:
            threading.excepthook = excepthook
            sys.stderr.flush()
            if sys.stderr is not own:
                sys.stderr.close()
            os.dup2(kept, 2)
            os.close(kept)
            sys.stderr = own


def _quieten(options: PipelineOptions) -> None:
    """Beam logs every exception of a worker in full, two or three times; the one that `run` raises carries it too."""
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    worker = options.view_as(WorkerOptions)
    worker.default_sdk_harness_log_level = worker.default_sdk_harness_log_level or "CRITICAL"


def _runner(options: PipelineOptions) -> PipelineRunner | None:
    """The local runner with worker processes that end with this one; None for any other, which Beam makes."""
    direct, name = options.view_as(DirectOptions), options.view_as(StandardOptions).runner
    if name != LOCAL_RUNNER or direct.direct_running_mode != _MULTI_PROCESSING:
        return None
    direct.direct_num_workers = num_workers(options)
    # The runner puts Beam's own worker where the mode says processes; given an environment, it starts that.
    direct.direct_running_mode = "in_memory"
    command = f"exec {shlex.quote(sys.executable)} -m pipelines.launch.local_worker"
    return FnApiRunner(default_environment=SubprocessSDKEnvironment.from_command_string(command))


def _use_all_cores(direct: DirectOptions, rest: Sequence[str]) -> None:
    names = {flag.split("=", 1)[0] for flag in rest}
    if "--direct_num_workers" not in names:
        direct.direct_num_workers = num_cores()
    if "--direct_running_mode" not in names and direct.direct_num_workers != 1:
        direct.direct_running_mode = _MULTI_PROCESSING


def _check_beam_flags(beam_flags: BeamFlags) -> None:
    """Read what is left of the command line with the flags of all of Beam's option classes.

    Raises: UserError for anything that is left then.
    """
    known = Parser(
        prog=beam_flags.program, add_help=False, argument_default=argparse.SUPPRESS, conflict_handler="resolve"
    )
    # Beam's parsers have this one method more; templates are no concern of a check.
    known.add_value_provider_argument = known.add_argument  # type: ignore[attr-defined]
    for options in PipelineOptions.__subclasses__():
        if options.__module__.startswith("apache_beam.options."):
            options._add_argparse_args(known)  # type: ignore[arg-type]
    found, unknown = known.parse_known_args(list(beam_flags.rest))
    if unknown:
        raise beam_flags.unknown(unknown[0].split("=", 1)[0], option_strings(known))
    runner = getattr(found, "runner", None)
    if runner is not None and "." not in runner:
        check_choice("--runner", runner, _OFFERED_RUNNERS)


_USER_ERROR = re.compile(r"(?:c4pipe\.errors\.)?UserError: (.+?)(?: \[while running .*)?(?:\n|\\n|$)")


def _mendable(error: BaseException) -> UserError | None:
    """The user's error inside what a runner raised, or None."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, UserError):
            return UserError(str(cause).split(" [while running ")[0])
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return _disk_full()
        cause = cause.__cause__ or cause.__context__
    text = str(error)
    if found := _USER_ERROR.findall(text):
        return UserError(found[-1])
    if f"[Errno {errno.ENOSPC}]" in text or f"[Errno {errno.EDQUOT}]" in text:
        return _disk_full()
    return None


def _disk_full() -> UserError:
    return UserError("the disk is full; make space and run the same command again: it continues from what is committed")
