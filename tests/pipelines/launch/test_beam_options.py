from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import DirectOptions, StandardOptions

from c4pipe.command_line import Parser
from c4pipe.errors import UserError, WorkerFailed
from pipelines.launch import beam_options


def parser() -> Parser:
    ours = Parser(prog="prog")
    ours.add_argument("--output")
    ours.add_argument("--dry_run", action="store_true")
    return ours


def test_our_flags_and_beams_are_told_apart():
    flags, options = beam_options.parse(
        parser(), ["--output=x", "--dry_run", "--direct_num_workers=3", "--runner", "DirectRunner"]
    )
    assert flags.output == "x" and flags.dry_run
    assert options.view_as(StandardOptions).runner == "DirectRunner"
    assert options.view_as(DirectOptions).direct_num_workers == 3
    assert "dry_run" not in options.get_all_options(drop_default=True)


def test_without_a_runner_the_local_one_is_named():
    _, options = beam_options.parse(parser(), [])
    assert options.view_as(StandardOptions).runner == "FnApiRunner"
    assert beam_options.is_local(options)


def test_a_cluster_runner_is_not_local():
    _, options = beam_options.parse(parser(), ["--runner=DataflowRunner", "--temp_location=gs://bucket/temp"])
    assert not beam_options.is_local(options)


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["--outptu=x"], "--output"),
        (["--direct_num_worker=2"], "--direct_num_workers"),
        (["stray"], "stray"),
        (["--direct_num_workers=many"], "invalid int"),
        (["--runner=Dirct"], "did you mean DirectRunner"),
        (["--dry"], "unknown flag --dry"),
    ],
)
def test_a_flag_that_nobody_knows_is_one_line(argv, word):
    with pytest.raises(UserError, match=word):
        beam_options.parse(parser(), argv)


RUNNERS = {
    "one thread": ["--direct_num_workers=1"],
    "threads": ["--direct_num_workers=2", "--direct_running_mode=multi_threading"],
    "processes": ["--direct_num_workers=2", "--direct_running_mode=multi_processing"],
    "DirectRunner": ["--runner=DirectRunner"],
    "BundleBasedDirectRunner": ["--runner=BundleBasedDirectRunner"],
}
every_runner = pytest.mark.parametrize("flags", RUNNERS.values(), ids=RUNNERS)
# Where the worker's exception arrives as itself, and where as text.
both_ways = pytest.mark.parametrize("flags", [RUNNERS["one thread"], RUNNERS["processes"]], ids=["itself", "text"])


@every_runner
def test_a_workers_user_error_comes_out_as_it_was(flags):
    def complain(element):
        raise UserError(f"{element} is wrong; mend it")

    _, options = beam_options.parse(parser(), flags)
    with pytest.raises(UserError, match=r"^x is wrong; mend it$"):
        beam_options.run(lambda pipeline: pipeline | beam.Create(["x"]) | beam.Map(complain), options)


def test_a_full_disk_in_a_worker_is_one_line():
    def fill(element):
        raise OSError(28, "No space left on device", element)

    _, options = beam_options.parse(parser(), ["--direct_num_workers=1"])
    with pytest.raises(UserError, match="disk is full"):
        beam_options.run(lambda pipeline: pipeline | beam.Create(["x"]) | beam.Map(fill), options)


@both_ways
def test_another_exception_of_a_worker_is_one_line_and_a_file_with_the_whole_trace(flags):
    _, options = beam_options.parse(parser(), flags)
    with pytest.raises(WorkerFailed, match=r"^a worker failed: ZeroDivisionError: .* \(the whole trace: .*\)$") as met:
        beam_options.run(lambda pipeline: pipeline | beam.Create([0]) | beam.Map(lambda x: 1 // x), options)
    assert "\n" not in str(met.value)
    trace = Path(met.value.trace)
    assert trace.read_text().count("ZeroDivisionError") >= 1
    trace.unlink()


@both_ways
def test_what_a_service_answers_a_worker_is_one_line(flags):
    def read(element):
        import botocore.exceptions

        raise botocore.exceptions.NoCredentialsError

    _, options = beam_options.parse(parser(), flags)
    with pytest.raises(UserError, match=r"^S3 asks for credentials: NoCredentialsError: Unable to locate") as met:
        beam_options.run(lambda pipeline: pipeline | beam.Create([0]) | beam.Map(read), options)
    remove_trace(str(met.value))


@both_ways
def test_a_path_that_a_worker_may_not_write_is_one_line(flags):
    def write(element):
        raise PermissionError(13, "Permission denied", "/x/y")

    _, options = beam_options.parse(parser(), flags)
    with pytest.raises(UserError, match=r"^/x/y: Permission denied; check that the path is right"):
        beam_options.run(lambda pipeline: pipeline | beam.Create([0]) | beam.Map(write), options)


def remove_trace(message: str) -> None:
    """Remove the file that a message names, and look into it first."""
    trace = Path(message.rpartition("(the whole trace: ")[2].rstrip(")"))
    assert "Traceback" in trace.read_text()
    trace.unlink()
