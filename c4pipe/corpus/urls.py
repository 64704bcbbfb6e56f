"""Addresses as C4 compares them."""

import re

_SCHEME = re.compile(r"https?:\/\/(www\.)?")
_TRACKING = re.compile(r"\?(utm_|ref|feed).*")


def normalized_url(url: str) -> str:
    """The address by which pages are deduplicated, listed and split.

    Every `http://`, `https://` (with `www.` behind it) goes, also one in the middle; a query that starts with
    `utm_`, `ref` or `feed` goes with all that follows on its line; so do slashes at the end. The reference's
    `normalize_url`.

    >>> normalized_url("https://www.example.com/a/?ref=b")
    'example.com/a'
    >>> normalized_url("http://web.archive.example/http://www.a.example/?utm_source=x&id=3")
    'web.archive.example/a.example'
    """
    return _TRACKING.sub("", _SCHEME.sub("", url)).rstrip("/")
