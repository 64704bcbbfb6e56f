"""Makes texts and URLs from outside safe to print or to record: without control characters and without secrets."""

import re
from typing import Any, TextIO

# Terminals act on these characters, or they change the direction of the text that follows. Tabs and line ends stay.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")

# In `gs://bucket@split`, `bucket` is not a user. So a name without a password counts as a user for http and ftp only.
_WITH_USER = re.compile(
    r"\b((?:https?|ftps?|sftp)://)[^\s/?#'\"<>]*@|\b([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#@:'\"<>]*:[^\s/?#'\"<>]*@"
)
_QUERY = re.compile(r"(?<=[^\s'\"<>])\?([^\s'\"<>]*)")
_SECRET = re.compile(
    r"(?i:x-(amz|goog|ms)-.*|.*(token|secret|passw(or)?d|signature|credential|api_?key).*|sig|key|auth|authorization|pwd)"
)
# Further parameters of signed URLs. They change with each signature and say nothing about the file.
_OF_SIGNATURE = re.compile(
    r"(?i:expires|awsaccesskeyid|googleaccessid|policy|key-pair-id|s[a-z]{1,4}|st|se|rs[a-z]{2})"
)


def visible(text: str) -> str:
    r"""The text with its control characters spelled out, for a terminal.

    >>> print(visible("a\x1b[31mred\u202eend"))
    a\x1b[31mred\u202eend
    """
    return _CONTROL.sub(_spelled, text)


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def without_credentials(text: str) -> str:
    """The text, with user, password and the parameters that give access removed from the URLs in it.

    >>> without_credentials("cannot read https://me:pw@a.example/b.gz?part=3&token=abc: not found")
    'cannot read https://a.example/b.gz?part=3 not found'
    >>> without_credentials("s3://bucket/c4/en@train"), without_credentials("a.gz?X-Amz-Signature=1&X-Amz-Date=2")
    ('s3://bucket/c4/en@train', 'a.gz')
    """
    if "?" not in text and "@" not in text:
        return text
    return _QUERY.sub(_open_query, _WITH_USER.sub(r"\1\2", text))


def _open_query(match: re.Match[str]) -> str:
    parts = re.split(r"[&;]", match[1])
    names = [part.partition("=")[0] for part in parts]
    if not any("=" in part and _SECRET.fullmatch(name) for name, part in zip(names, parts, strict=True)):
        return match[0]
    kept = [
        part
        for name, part in zip(names, parts, strict=True)
        if not (_SECRET.fullmatch(name) or _OF_SIGNATURE.fullmatch(name))
    ]
    return f"?{'&'.join(kept)}" if kept else ""


_LONGEST_LINE = 2_000


def one_line(text: str) -> str:
    """An error message as one line of bounded length that is safe to print."""
    line = without_credentials(visible(" ".join(text.split())))
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 60]} ... {line[-50:]}"


def scrubbed(value: Any) -> Any:
    """The JSON value with credentials removed from all strings."""
    if isinstance(value, str):
        return without_credentials(value)
    if isinstance(value, dict):
        return {scrubbed(name): scrubbed(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [scrubbed(inner) for inner in value]
    return value


class ShownStream:
    """A text stream that makes everything safe to print before it is written. Otherwise it is the stream itself.

    Carriage returns are kept, because progress bars move with them.
    """

    def __init__(self, stream: TextIO, *, hides_credentials: bool) -> None:
        self._stream, self._hides = stream, hides_credentials

    def write(self, text: str) -> int:
        shown = "\r".join(map(visible, text.split("\r")))
        self._stream.write(without_credentials(shown) if self._hides else shown)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
