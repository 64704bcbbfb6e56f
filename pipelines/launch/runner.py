"""Where a graph runs: as the flags of Beam say, or in this process and without Beam if there is little to do."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from c4pipe.command_line import is_only_command
from c4pipe.machine import num_cores
from c4pipe.stages import engine, lists
from pipelines.launch import worker_errors
from pipelines.launch.beam_flags import BeamFlags

if TYPE_CHECKING:
    import argparse

    from apache_beam.options.pipeline_options import PipelineOptions


class Runner:
    """What a command line says about where its graph runs. Without flags of Beam, it runs on this machine.

    Beam is imported when it is needed, because that takes a second of a core.
    """

    def __init__(self, flags: "argparse.Namespace", beam_flags: BeamFlags) -> None:
        """Raises: UserError for an unknown flag of Beam, or one with a bad value."""
        self._flags, self._beam_flags = flags, beam_flags
        self._has_beam_flags = bool(beam_flags.rest)
        self._in_lists = False
        if self._has_beam_flags:
            _ = self.options  # so that a mistake is told before anything is read

    @cached_property
    def options(self) -> "PipelineOptions":
        """Beam's options."""
        from pipelines.launch import beam_options

        return beam_options.options_of(self._flags, self._beam_flags)

    @property
    def is_local(self) -> bool:
        """Whether the graph runs on this machine only, so that a local path means the same for every worker."""
        if not self._has_beam_flags:
            return True
        from pipelines.launch import beam_options

        return beam_options.is_local(self.options)

    @property
    def num_workers(self) -> int:
        """The number of processes (or threads) of a local run."""
        if self._in_lists:
            return 1
        if "options" not in vars(self):
            return num_cores()  # what Beam's options will say
        from pipelines.launch import beam_options

        return beam_options.num_workers(self.options)

    def refuse_local_paths(self, **places: str) -> None:
        """See `beam_options.refuse_local_paths`."""
        if self._has_beam_flags:
            from pipelines.launch import beam_options

            beam_options.refuse_local_paths(self.options, **places)

    def spare_processes(self, num_bytes: float) -> None:
        """Work in this process if there is little to do. Call it before a stage is imported.

        num_bytes: of compressed text.
        """
        is_little = not self._has_beam_flags and self._beam_flags.allow_one_process(num_bytes)
        # Later graphs of the process would have no Beam.
        self._in_lists = is_little and is_only_command() and engine.use_lists()
        if not self._in_lists:
            from pipelines.launch import beam_options

            beam_options.spare_processes(self.options, self._beam_flags, num_bytes)

    def run(self, build: Callable[[Any], object]) -> None:
        """Build a graph with `build(pipeline)`, run it and wait for its end.

        Raises: UserError for everything that ends the run (see `worker_errors.as_user_error`); HandedOver as
        `beam_options.run` does.
        """
        if not self._in_lists:
            from pipelines.launch import beam_options

            beam_options.run(build, self.options)
            return
        try:
            build(lists.Pipeline())
        except Exception as error:
            raise worker_errors.as_user_error(error) from error
