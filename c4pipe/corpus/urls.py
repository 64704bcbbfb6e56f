"""Normalizes URLs as C4 does before it compares them."""

import re

_SCHEME = re.compile(r"https?:\/\/(www\.)?")
_TRACKING = re.compile(r"\?(utm_|ref|feed).*")


def normalized_url(url: str) -> str:
    """The form of a URL by which pages are deduplicated, looked up in lists and assigned to splits.

    Three things are removed: every `http://` and `https://` (and a `www.` after it), also in the middle; a query that
    starts with `utm_`, `ref` or `feed`, up to the end of the line; slashes at the end. Reference: `normalize_url`.

    >>> normalized_url("https://www.example.com/a/?ref=b")
    'example.com/a'
    >>> normalized_url("http://web.archive.example/http://www.a.example/?utm_source=x&id=3")
    'web.archive.example/a.example'
    """
    return _TRACKING.sub("", _SCHEME.sub("", url)).rstrip("/")
