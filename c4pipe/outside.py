"""Explains errors of storage services, networks and hubs in one line, and keeps the whole traceback in a file."""

import os
import re
import tempfile
import traceback
from collections.abc import Iterator

from c4pipe.shown import without_credentials

# The beginning of an exception's full name -> the service.
_SERVICES = {
    "botocore.": "S3",
    "aiobotocore.": "S3",
    "s3fs.": "S3",
    "gcsfs.": "Google Cloud Storage",
    "google.auth.": "Google Cloud Storage",
    "google.api_core.": "Google Cloud Storage",
    "google.cloud.": "Google Cloud Storage",
    "azure.": "Azure",
    "adlfs.": "Azure",
    "huggingface_hub.": "the hub",
    "datasets.exceptions.DatasetNotFound": "the hub",
    "aiohttp.": "the network",
    "requests.": "the network",
    "urllib3.": "the network",
    "httpx.": "the network",
    "httpcore.": "the network",
}
_CREDENTIALS = re.compile(r"credential|forbidden|access denied|unauthorized|\b40[13]\b|login|token", re.IGNORECASE)
_HINTS = {
    "S3": "give them by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or by a profile (AWS_PROFILE)",
    "Google Cloud Storage": "`gcloud auth application-default login` or GOOGLE_APPLICATION_CREDENTIALS gives them",
    "the hub": "HF_TOKEN or `hf auth login` gives them",
}
_NO_NETWORK = "check the address and the network; the same command continues from what is committed"
# The last line of a traceback that a worker sent as text: the class of the exception and its message.
_RAISED = re.compile(r"^(?:\w+: )?([A-Za-z_][\w.]*): (.*?)(?: \[while running .*)?$", re.MULTILINE)
_MOST_CHARACTERS = 400


def service_message(error: BaseException) -> str | None:
    """A one-line message for an error of an outside service, also if a worker sent it as text; otherwise None."""
    for cause in causes(error):
        if found := _message_of(_full_name(cause), str(cause)):
            return found
        if isinstance(cause, ConnectionError | TimeoutError):
            return f"the network: {in_one_line(type(cause).__name__, str(cause))}; {_NO_NETWORK}"
    for name, text in reversed(_RAISED.findall(str(error))):
        if found := _message_of(name, text):
            return found
        if name in ("ConnectionError", "ConnectionRefusedError", "ConnectionResetError", "TimeoutError"):
            return f"the network: {in_one_line(name, text)}; {_NO_NETWORK}"
    return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error, its cause, the cause of that, and so on."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _full_name(error: BaseException) -> str:
    """The exception's name with its module.

    Some libraries report an answer of a service as a plain OSError without a number. Its module is then the one that
    raised it (gcsfs for `OSError: Forbidden`).
    """
    kind = type(error)
    module = kind.__module__
    if isinstance(error, OSError) and module == "builtins" and error.errno is None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            module = frame.f_globals.get("__name__", module)
    return f"{module}.{kind.__qualname__}"


def _message_of(name: str, text: str) -> str | None:
    """The message for an exception of a library that talks to a service; None for any other exception."""
    who = next((service for package, service in _SERVICES.items() if name.startswith(package)), None)
    if who is None:
        return None
    kind = name.rpartition(".")[2]
    if who in _HINTS and _CREDENTIALS.search(f"{kind} {text}"):
        return f"{who} asks for credentials: {in_one_line(kind, text)}; {_HINTS[who]}"
    return f"{who}: {in_one_line(kind, text)}; {_NO_NETWORK}"


def in_one_line(kind: str, text: str) -> str:
    r"""The name of an exception and the beginning of its message.

    >>> in_one_line("ValueError", "two\n  lines"), in_one_line("KeyError", "")
    ('ValueError: two lines', 'KeyError')
    """
    line = " ".join(text.split())
    return f"{kind}: {line[:_MOST_CHARACTERS]}".rstrip(": ")


def keep_trace(error: BaseException, more: str = "") -> str:
    """Write the whole traceback of an error to a file in the temporary folder. Returns: its path.

    more: further text for the file, such as the output of worker processes.
    """
    handle, path = tempfile.mkstemp(prefix="c4pipe-", suffix=".trace.txt")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as target:
        target.write(without_credentials("".join(traceback.format_exception(error)) + f"\n{more}".rstrip()))
    return path
