"""Checking Beam's options of a command line, and running a graph with them."""

import argparse
import logging
import os
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TextIO, TypeVar, cast

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    DirectOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
    TypeOptions,
    WorkerOptions,
)
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineResult, PipelineRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from c4pipe.choices import check_choice
from c4pipe.command_line import Parser, option_strings
from c4pipe.errors import HandedOver, UserError
from c4pipe.machine import num_cores
from c4pipe.shown import ShownStream
from pipelines.launch import local_workers, shared_paths, worker_errors
from pipelines.launch.beam_flags import BeamFlags

# `DirectRunner` tries to download another runner and uses it if that succeeds. A run must not depend on the network, so
# the default is a local runner by name.
LOCAL_RUNNER = "FnApiRunner"
_LOCAL_RUNNERS = frozenset(StandardOptions.LOCAL_RUNNERS)
_OFFERED_RUNNERS = tuple(name for name in StandardOptions.KNOWN_RUNNER_NAMES if not name.startswith("Test"))
_MULTI_PROCESSING = "multi_processing"


_View = TypeVar("_View", bound=PipelineOptions)


class _OptionsWithViews(PipelineOptions):
    """Options that keep their views. Beam asks for several for each transform, and makes a parser of flags each time.

    All views of the same options have the same values, so it does not matter how often they are made.
    """

    def view_as(self, cls: type[_View]) -> _View:
        """See `PipelineOptions`."""
        views = self.__dict__.setdefault("_views", {})
        if cls not in views:
            views[cls] = super().view_as(cls)
        return views[cls]


def options_of(flags: argparse.Namespace, beam_flags: BeamFlags) -> PipelineOptions:
    """Beam's options of a command line that `beam_flags.parse` has split.

    The default runner is the local one, on every core that this process may use, with a process per core if there are
    several.
    Raises: UserError for an unknown flag (Beam itself would ignore it), or a flag with a bad value.
    """
    rest = list(beam_flags.rest)
    _check_beam_flags(beam_flags)
    options = _OptionsWithViews(rest)
    options.view_as(shared_paths.SharedPathOptions).shared_paths = flags.shared_paths
    if options.view_as(StandardOptions).runner is None:
        options.view_as(StandardOptions).runner = LOCAL_RUNNER
        _use_all_cores(options.view_as(DirectOptions), rest)
    return options


def is_local(options: PipelineOptions) -> bool:
    """Whether the pipeline runs on this machine only, so that a local path means the same for every worker."""
    runner = (options.view_as(StandardOptions).runner or LOCAL_RUNNER).rsplit(".", 1)[-1]
    return runner in _LOCAL_RUNNERS


def refuse_local_paths(options: PipelineOptions, **places: str) -> None:
    """Raises: UserError if workers may run on other machines and a place (flag -> path) is a local path.

    With `--shared_paths`, local paths are allowed; `run` then lets the workers check them before the work begins.
    """
    if is_local(options) or options.view_as(PortableOptions).environment_type == "LOOPBACK":
        return
    if not options.view_as(shared_paths.SharedPathOptions).shared_paths:
        shared_paths.refuse(places)
    shared_paths.note(options, places)


def refuse_template(options: PipelineOptions, why: str) -> None:
    """Raises: UserError if Dataflow is to start the job from a template, for which the launcher does not wait."""
    if options.view_as(GoogleCloudOptions).template_location:
        raise UserError(f"--template_location cannot be used here: {why}; give --runner=DataflowRunner without it")


def num_workers(options: PipelineOptions) -> int:
    """The number of processes (or threads) that a local runner uses."""
    direct = options.view_as(DirectOptions)
    return direct.direct_num_workers or num_cores()


def spare_processes(options: PipelineOptions, beam_flags: BeamFlags, num_bytes: float) -> None:
    """Work in this process if there is little to do, and no flag names a runner or a number of workers.

    num_bytes: of compressed text. A worker process takes three seconds of a core until it has imported what it needs.
    """
    if not beam_flags.allow_one_process(num_bytes):
        return
    direct = options.view_as(DirectOptions)
    direct.direct_running_mode, direct.direct_num_workers = "in_memory", 1


def run(build: Callable[[beam.Pipeline], object], options: PipelineOptions) -> PipelineResult:
    """Check `--shared_paths`, then build a graph with `build(pipeline)`, run it and wait for its end.

    Raises: UserError for everything that ends the run (see `worker_errors.as_user_error`); HandedOver if the graph was
    only written as a template of Dataflow, as the launcher of a Flex Template asks for.
    """
    shared_paths.check(options, lambda check: _run(check, options))
    result = _run(build, options)
    if template := options.view_as(GoogleCloudOptions).template_location:
        raise HandedOver(
            f"Dataflow starts the job from {template}; when the job has ended, give the same command without "
            "--template_location and --runner: it writes what only the launcher writes (manifest, report)"
        )
    return result


def _run(build: Callable[[beam.Pipeline], object], options: PipelineOptions) -> PipelineResult:
    if is_local(options):
        _silence_beam(options)
        # The graph is the same for every input, and other runners still check its types.
        options.view_as(TypeOptions).pipeline_type_check = False
    pipeline = beam.Pipeline(runner=_runner(options), options=options)
    build(pipeline)
    with _workers_stderr_in_file() if is_local(options) else nullcontext() as words:
        try:
            result = pipeline.run()
            result.wait_until_finish()
        except Exception as error:
            raise worker_errors.as_user_error(error, _read_words(words)) from error
    return result


def _read_words(words: TextIO | None) -> str:
    """What the worker processes printed."""
    if words is None:
        return ""
    words.seek(0)
    return words.read()[-_MOST_WORDS:]


_MOST_WORDS = 1_000_000


@contextmanager
def _workers_stderr_in_file() -> Iterator[TextIO]:
    """Redirect the standard error of worker processes to a file, but not that of this process.

    A Beam worker prints the traceback of every exception, whatever the log level. That is useful only if the error is
    not a mistake that the user can correct.
    """
    sys.stderr.flush()
    own, kept, excepthook = sys.stderr, os.dup(2), threading.excepthook
    with tempfile.TemporaryFile("w+", errors="replace") as words:
        os.dup2(words.fileno(), 2)
        is_shown = isinstance(own, ShownStream)
        if own is sys.__stderr__ or is_shown:
            stream = os.fdopen(os.dup(kept), "w", buffering=1, errors="backslashreplace")
            sys.stderr = cast(TextIO, ShownStream(stream, hides_credentials=True)) if is_shown else stream
        # Threads of the runner raise exceptions of their own if a worker is gone.
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


def _silence_beam(options: PipelineOptions) -> None:
    """Silence Beam's logs of workers' exceptions: they are long, come repeatedly, and `run` raises the exception."""
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    worker = options.view_as(WorkerOptions)
    worker.default_sdk_harness_log_level = worker.default_sdk_harness_log_level or "CRITICAL"


def _runner(options: PipelineOptions) -> PipelineRunner | None:
    """The local runner, with worker processes that end when this process ends; None for others, which Beam creates."""
    direct, name = options.view_as(DirectOptions), options.view_as(StandardOptions).runner
    local_workers.use()
    if name != LOCAL_RUNNER or direct.direct_running_mode != _MULTI_PROCESSING:
        return None
    direct.direct_num_workers = num_workers(options)
    # In the mode for processes, the runner would start Beam's own worker. With an environment, it starts ours.
    direct.direct_running_mode = "in_memory"
    return FnApiRunner(default_environment=SubprocessSDKEnvironment.from_command_string(local_workers.COMMAND))


def _use_all_cores(direct: DirectOptions, rest: Sequence[str]) -> None:
    names = {flag.split("=", 1)[0] for flag in rest}
    if "--direct_num_workers" not in names:
        direct.direct_num_workers = num_cores()
    if "--direct_running_mode" not in names and direct.direct_num_workers != 1:
        direct.direct_running_mode = _MULTI_PROCESSING


def _check_beam_flags(beam_flags: BeamFlags) -> None:
    """Parse the remaining arguments with the flags of all of Beam's option classes.

    Raises: UserError for arguments that are still unknown.
    """
    known = Parser(
        prog=beam_flags.program, add_help=False, argument_default=argparse.SUPPRESS, conflict_handler="resolve"
    )
    # Beam's parsers have this additional method, for templates, which do not matter for this check.
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
