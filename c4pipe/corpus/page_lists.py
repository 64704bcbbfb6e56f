"""Rules that look at the address or the shape of a whole page: listed domains, listed URLs, paragraphs."""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from c4pipe.corpus.deduplication import url_key
from c4pipe.corpus.judging import STAYS, Candidate, Ruling
from c4pipe.corpus.rules import Paragraphs
from c4pipe.corpus.urls import normalized_url

_HOST_END = re.compile(r"[/?#]")
BAD_DOMAIN = "bad_domain"
BAD_SUBDOMAIN = "bad_subdomain"
_GOES = Ruling("filtered")  # for stages that have only one reason


class ListedDomains:
    """The domains of RealNews (reference: `is_realnews_domain`).

    domains: registered domain -> True if all of its subdomains are allowed, otherwise the list of allowed subdomains.
    The public suffixes are those that the package `tldextract` contains; nothing is downloaded.
    """

    def __init__(self, domains: Mapping[str, bool | Sequence[str]]) -> None:
        import tldextract

        self._domains = dict(domains)
        self._extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    def __reduce__(self):
        return (ListedDomains, (self._domains,))

    def judge(self, candidates: Sequence[Candidate]) -> list[Ruling]:
        """See `Judge`."""
        return [Ruling(self.reason(candidate.normalized_url)) for candidate in candidates]

    def reason(self, normalized: str) -> str:
        """Why a page with this normalized URL is dropped: `bad_domain`, `bad_subdomain`, or empty if it stays."""
        parts = self._extract(normalized)
        allowed = self._domains.get(f"{parts.domain}.{parts.suffix}")
        if allowed is None:
            return BAD_DOMAIN
        if isinstance(allowed, list) and parts.subdomain not in allowed:
            return BAD_SUBDOMAIN
        return ""


class ListedUrls:
    """A list of URLs, normalized like the pages' URLs (reference: `filter_by_webtextlike`).

    Such lists have tens of millions of URLs. So only 16 bytes per URL are kept: its md5 as two halves, sorted by the
    first half.
    """

    def __init__(self, urls: Iterable[str]) -> None:
        digests = bytearray()
        for url in urls:
            digests += url_key(normalized_url(url))
        keys = np.frombuffer(bytes(digests), dtype=">u8").astype(np.uint64).reshape(-1, 2)
        keys = keys[np.lexsort((keys[:, 1], keys[:, 0]))]
        is_first = np.ones(len(keys), dtype=bool)
        is_first[1:] = (keys[1:] != keys[:-1]).any(axis=1)
        self._first, self._second = np.ascontiguousarray(keys[is_first].T)

    @property
    def keys(self) -> np.ndarray:
        """(n, 2) uint64, from which `of_keys` makes the same list."""
        return np.stack([self._first, self._second], axis=1)

    @classmethod
    def of_keys(cls, keys: np.ndarray) -> "ListedUrls":
        """The list that has these `keys`. Raises: ValueError if they are not such keys, or not sorted."""
        if keys.dtype != np.uint64 or keys.ndim != 2 or keys.shape[1] != 2 or (keys[1:, 0] < keys[:-1, 0]).any():
            raise ValueError("the list of URLs is not (n, 2) sorted numbers of 64 bits")
        made = cls(())
        made._first, made._second = np.ascontiguousarray(keys.T)
        return made

    def __contains__(self, normalized: object) -> bool:
        key = url_key(str(normalized))
        first, second = int.from_bytes(key[:8], "big"), int.from_bytes(key[8:], "big")
        place = int(self._first.searchsorted(np.uint64(first)))
        while place < len(self._first) and self._first[place] == first:
            if self._second[place] == second:
                return True
            place += 1
        return False

    def __len__(self) -> int:
        return len(self._first)


class ExcludedUrls:
    """URLs and domains that must not be in a corpus.

    An entry without a scheme and a slash is a domain, and excludes all pages of it and of its subdomains. Any other
    entry is the URL of one page, and is normalized like the pages' URLs.

    >>> takedown = ExcludedUrls(["https://a.example/x", "b.example"])
    >>> [url in takedown for url in ("a.example/x", "a.example/y", "b.example/z", "www2.b.example", "ab.example")]
    [True, False, True, True, False]
    """

    def __init__(self, entries: Iterable[str]) -> None:
        domains, urls = set(), set()
        for entry in entries:
            if "/" in entry:
                urls.add(normalized_url(entry))
            else:
                domains.add(entry.lower().removeprefix("www.").strip("."))
        self._urls, self._domains = frozenset(urls), frozenset(domains)

    @property
    def urls(self) -> frozenset[str]:
        """The URLs, normalized."""
        return self._urls

    @property
    def domains(self) -> frozenset[str]:
        """The domains, in lower case."""
        return self._domains

    @classmethod
    def of(cls, urls: Iterable[str], domains: Iterable[str]) -> "ExcludedUrls":
        """An instance with these `urls` and `domains`, which must be normalized already."""
        made = cls(())
        made._urls, made._domains = frozenset(urls), frozenset(domains)
        return made

    def __contains__(self, normalized: object) -> bool:
        if not isinstance(normalized, str):
            return False
        return normalized in self._urls or (bool(self._domains) and self._is_on_domain(normalized))

    def _is_on_domain(self, normalized: str) -> bool:
        host = _HOST_END.split(normalized, maxsplit=1)[0].rsplit("@", 1)[-1].split(":", 1)[0].lower()
        labels = host.strip(".").split(".")
        return any(".".join(labels[start:]) in self._domains for start in range(len(labels)))

    def __len__(self) -> int:
        return len(self._urls) + len(self._domains)


@dataclass(frozen=True)
class UrlsOf:
    """Keeps the pages whose normalized URL is in a list; with `excluded`, the pages whose URL is not in it."""

    urls: Container[str]
    excluded: bool = False

    def judge(self, candidates: Sequence[Candidate]) -> list[Ruling]:
        """See `Judge`."""
        return [_GOES if (page.normalized_url in self.urls) is self.excluded else STAYS for page in candidates]


@dataclass(frozen=True)
class HasParagraphs:
    """Keeps the pages that have paragraphs."""

    paragraphs: Paragraphs

    def judge(self, candidates: Sequence[Candidate]) -> list[Ruling]:
        """See `Judge`."""
        return [STAYS if self.paragraphs.are_in(page.text) else _GOES for page in candidates]
