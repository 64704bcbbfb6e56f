"""Errors from outside are one line and status 2, and the whole trace is in a file."""

import re
from pathlib import Path

import pytest

from c4pipe import command_line
from c4pipe.command_line import Parser
from c4pipe.errors import UserError
from c4pipe.outside import service_message


def raised(package: str, name: str, message: str) -> Exception:
    """An exception as that package raises it."""
    return type(name, (Exception,), {"__module__": package})(message)


def outcome(main, capsys) -> tuple[int, str]:
    with pytest.raises(SystemExit) as met:
        command_line.run(main)
    return met.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            raised("botocore.exceptions", "NoCredentialsError", "Unable to locate credentials"),
            "S3 asks for credentials: NoCredentialsError: Unable to locate credentials; give them by AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY, or by a profile (AWS_PROFILE)",
        ),
        (
            raised("google.auth.exceptions", "DefaultCredentialsError", "Your default credentials were not found"),
            "Google Cloud Storage asks for credentials: DefaultCredentialsError: Your default credentials were not "
            "found; `gcloud auth application-default login` or GOOGLE_APPLICATION_CREDENTIALS gives them",
        ),
        (
            raised("aiohttp.client_exceptions", "ClientConnectorDNSError", "Cannot connect to host\n a.example:443"),
            "the network: ClientConnectorDNSError: Cannot connect to host a.example:443; check the address and the "
            "network; the same command continues from what is committed",
        ),
        (
            raised("huggingface_hub.errors", "GatedRepoError", "401 Client Error"),
            "the hub asks for credentials: GatedRepoError: 401 Client Error; HF_TOKEN or `hf auth login` gives them",
        ),
        (
            ConnectionRefusedError(111, "Connection refused"),
            "the network: ConnectionRefusedError: [Errno 111] Connection refused; check the address and the network; "
            "the same command continues from what is committed",
        ),
        (
            RuntimeError(
                "Traceback (most recent call last):\n  File 'x'\nbotocore.exceptions.EndpointConnectionError: Could "
                "not connect to the endpoint [while running 'Clean files']\n\nTraceback: more"
            ),
            "S3: EndpointConnectionError: Could not connect to the endpoint; check the address and the network; the "
            "same command continues from what is committed",
        ),
    ],
    ids=["S3", "GCS", "network", "hub", "refused", "text of a worker"],
)
def test_it_is_one_line_and_status_2(error, line, capsys):
    def main():
        raise error

    status, said = outcome(main, capsys)
    found = re.fullmatch(r"error: (.*) \(the whole trace: (.*)\)\n", said)
    assert status == 2 and found and found[1] == line
    trace = Path(found[2])
    assert "Traceback" in trace.read_text() and type(error).__name__ in trace.read_text()
    trace.unlink()


def test_an_error_that_another_one_was_raised_from_tells():
    error = ValueError("something")
    error.__cause__ = raised("gcsfs.retry", "HttpError", "Anonymous caller: 401")
    assert service_message(error).startswith(
        "Google Cloud Storage asks for credentials: HttpError: Anonymous caller: 401"
    )


def test_a_plain_error_that_a_library_of_a_service_raised_is_one_line(capsys):
    """gcsfs reports the status 403 so, and the error that its caller sees was raised while handling the first."""
    library = {"__name__": "gcsfs.retry"}
    exec("def refuse():\n    raise OSError('Forbidden: b/a/o\\nAnonymous caller has no access')", library)

    def main():
        try:
            library["refuse"]()
        except OSError:
            library["refuse"]()

    status, said = outcome(main, capsys)
    assert status == 2 and said.count("\n") == 1
    assert said.startswith(
        "error: Google Cloud Storage asks for credentials: OSError: Forbidden: b/a/o Anonymous caller has no access; "
        "`gcloud auth application-default login` or GOOGLE_APPLICATION_CREDENTIALS gives them (the whole trace: "
    )


def test_a_plain_error_that_our_code_raised_is_not_one_from_outside():
    def main():
        raise OSError("Forbidden: something of ours")

    with pytest.raises(OSError, match="something of ours"):
        command_line.run(main)


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("x"), raised("google.protobuf", "Error", "x"), KeyError("botocore")],
    ids=["ours", "protobuf", "a word"],
)
def test_a_fault_of_ours_is_not_one_from_outside(error):
    assert service_message(error) is None

    def main():
        raise error

    with pytest.raises(type(error)):
        command_line.run(main)


def test_a_glob_that_the_shell_took_apart_is_named(tmp_path):
    (tmp_path / "b.gz").touch()
    parser = Parser(prog="tool")
    parser.add_argument("--input")
    with pytest.raises(UserError, match=r"b.gz: the shell made several words of a glob; quote it, as in --input='\*"):
        parser.parse_args(["--input", "a.gz", str(tmp_path / "b.gz")])
    with pytest.raises(UserError, match=r"^unknown argument c.gz \(see tool --help\)"):
        parser.parse_args(["--input", "a.gz", "c.gz"])
