"""What ends a run is one line, on every local runner; the rest is in a file that the line names."""

from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.prism_runner import PrismRunner

from c4pipe.command_line import Parser
from c4pipe.errors import UserError
from pipelines.launch import beam_flags, beam_options
from pipelines.launch.worker_errors import as_user_error

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


@pytest.fixture(autouse=True)
def no_download(monkeypatch):
    """`DirectRunner` downloads Prism where there is a network, and works without it elsewhere: as here."""

    def fail(*_):
        raise OSError("no network")

    monkeypatch.setattr(PrismRunner, "run_pipeline", fail)


def error_of(work, flags=("--direct_num_workers=1",)) -> str:
    """What a run says whose workers do this."""
    options = beam_options.options_of(*beam_flags.parse(Parser(prog="tool"), flags))
    with pytest.raises(UserError) as met:
        beam_options.run(lambda pipeline: pipeline | beam.Create([0, 1]) | beam.Map(work), options)
    assert "\n" not in str(met.value)
    return str(met.value)


def without_trace(message: str) -> str:
    """The message without the name of its file, which is looked into and removed."""
    said, _, path = message.partition(" (the whole trace: ")
    trace = Path(path.rstrip(")"))
    assert "Traceback" in trace.read_text()
    trace.unlink()
    return said


@every_runner
def test_a_workers_user_error_comes_out_as_it_was(flags):
    def complain(element):
        raise UserError("a.gz is wrong; mend it")

    assert error_of(complain, flags) == "a.gz is wrong; mend it"


@both_ways
def test_another_exception_of_a_worker_is_one_line_and_a_file_with_the_whole_trace(flags):
    message = error_of(lambda element: element // 0, flags)
    assert without_trace(message) == "a worker failed: ZeroDivisionError: integer division or modulo by zero"


def test_a_full_disk_in_a_worker_is_one_line():
    def fill(element):
        raise OSError(28, "No space left on device", "a.gz")

    assert "the disk is full; free space and run the same command again" in error_of(fill)


def test_a_path_that_a_worker_may_not_write_is_one_line():
    def write(element):
        raise PermissionError(13, "Permission denied", "/x/y")

    assert error_of(write) == "/x/y: Permission denied; check that the path is right and that you may read and write it"


def test_what_a_service_answers_a_worker_is_one_line():
    def read(element):
        import botocore.exceptions

        raise botocore.exceptions.NoCredentialsError

    said = "S3 asks for credentials: NoCredentialsError: Unable to locate credentials; give them by AWS_ACCESS_KEY_ID"
    assert without_trace(error_of(read)).startswith(said)


def text_of_a_worker(last_line: str) -> RuntimeError:
    """An exception as a worker process sends it."""
    trace = f'Traceback (most recent call last):\n  File "a.py", line 1, in process\n{last_line}'
    return RuntimeError(f"{trace} [while running 'Clean files']\n\nDuring handling ...:\n\n{trace}")


@pytest.mark.parametrize(
    ("last_line", "line"),
    [
        ("c4pipe.errors.UserError: a.gz is wrong; mend it", "a.gz is wrong; mend it"),
        (
            "PermissionError: [Errno 13] Permission denied: '/x/y'",
            "/x/y: Permission denied; check that the path is right and that you may read and write it",
        ),
        (
            "OSError: [Errno 28] No space left on device",
            "the disk is full; free space and run the same command again: it continues from what is committed",
        ),
    ],
    ids=["user", "path", "disk"],
)
def test_what_the_user_can_mend_is_found_in_the_text_of_a_worker(last_line, line):
    assert str(as_user_error(text_of_a_worker(last_line))) == line


@pytest.mark.parametrize(
    ("last_line", "line"),
    [
        (
            "botocore.exceptions.EndpointConnectionError: Could not connect",
            "S3: EndpointConnectionError: Could not connect; check the address and the network; the same command "
            "continues from what is committed",
        ),
        ("KeyError: 'text'", "a worker failed: KeyError: 'text'"),
        ("AssertionError", "a worker failed: RuntimeError: AssertionError"),
        (f"a.b.Error: {500 * 'x'}", f"a worker failed: a.b.Error: {400 * 'x'}"),
    ],
    ids=["service", "fault", "no words", "many words"],
)
def test_the_rest_names_a_file_with_the_trace_and_what_the_workers_printed(last_line, line):
    message = str(as_user_error(text_of_a_worker(last_line), "printed by a worker"))
    assert "printed by a worker" in Path(message.rpartition("trace: ")[2].rstrip(")")).read_text()
    assert without_trace(message) == line
