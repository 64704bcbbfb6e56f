"""The counts and samples of a run, which can be merged in any order and written as JSON."""

import bisect
import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

EXCERPT_LENGTH = 400  # characters of a sample
SPLIT = "split:"  # prefix of a split's name in the volumes
MAX_DOMAINS = 50_000  # while merging; the report shows only the largest
# The edges of bins for characters per page: two bins per doubling.
LENGTH_EDGES = tuple(sorted({round(2 ** (exponent / 2)) for exponent in range(8, 37)}))


_BY_PAGE = ("domains", "lengths", "lengths_by_language", "domains_by_language")


class Size(NamedTuple):
    """The size of a page's text: lines, and bytes of UTF-8."""

    lines: int
    bytes: int

    @classmethod
    def of(cls, text: str) -> "Size":
        """The size of a text. Lines are separated by line feeds."""
        return cls(text.count("\n") + 1, len(text.encode("utf-8", "surrogatepass")))


@dataclass(frozen=True, order=True)
class InputFile:
    """A WET file of a run.

    number: its number in the order of base names. num_bytes: its compressed size. num_quarantined: the number of
    records that could not be read. reused: whether the work of another run was reused.
    """

    number: int
    name: str
    sha256: str
    num_bytes: int
    num_quarantined: int
    reused: bool


@dataclass
class Volume:
    """An amount of text: pages, lines, and bytes of UTF-8."""

    pages: int = 0
    lines: int = 0
    bytes: int = 0

    def add(self, lines: int, size: int, pages: int = 1) -> None:
        self.pages += pages
        self.lines += lines
        self.bytes += size


class Sample(NamedTuple):
    """A page or line that was dropped.

    hash: of the rule, the URL and the text; the samples with the smallest hashes are kept. match: the part of the page
    that is the reason (a bad word), if the rule can tell.
    """

    hash: str
    url: str
    text: str
    match: str = ""


@dataclass
class Summary:
    """The counts of some files. `merge` is associative and commutative, so the result does not depend on the runner.

    counters: name in the reference -> count. volumes: `STAGE` (text that passed it), `STAGE/REASON` (text that it
    dropped), `split:NAME` (text that was written). samples: name of the counter -> samples with the smallest hashes.
    lengths_by_language, domains_by_language: the same of each language's splits, with `LANGUAGE/` before the names.
    kinds: kinds of WET records (`corpus.wet.kinds`). digest: identifies what the files were made from; a sum, so that
    their order does not matter. inputs: the files.
    """

    samples_per_rule: int = 20
    counters: Counter[str] = field(default_factory=Counter)
    volumes: dict[str, Volume] = field(default_factory=dict)
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    languages: Counter[str] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)
    lengths_by_language: Counter[str] = field(default_factory=Counter)
    domains_by_language: Counter[str] = field(default_factory=Counter)
    seconds: Any = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    digest: int = 0
    inputs: list[InputFile] = field(default_factory=list)

    def volume(self, name: str) -> Volume:
        """The volume of that name, to which the caller can add."""
        return self.volumes.setdefault(name, Volume())

    def sample(self, rule: str, url: str, text: str, match: str = "") -> None:
        """Offer a dropped page or line as a sample. Those with the smallest hashes of (rule, url, text) are kept."""
        if self.samples_per_rule <= 0:
            return
        text = text[:EXCERPT_LENGTH]
        key = hashlib.md5(f"{rule}\n{url}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()
        samples = self.samples.setdefault(rule, [])
        sample = Sample(key, url, text, match)
        if len(samples) >= self.samples_per_rule and sample >= samples[-1]:
            return
        if sample not in samples:
            bisect.insort(samples, sample)
            del samples[self.samples_per_rule :]

    def add_digest(self, made_from: str) -> None:
        """Add what a file was made from to the digest."""
        self.digest = (self.digest + int(hashlib.sha256(made_from.encode()).hexdigest(), 16)) % (1 << 256)

    def add_written(self, host: str, length: int, language: str = "") -> None:
        """Count a written page by its host, and by its characters in its bin of `LENGTH_EDGES`.

        language: counted separately too, if the page is in a language's own split.
        """
        place = min(max(bisect.bisect_right(LENGTH_EDGES, length) - 1, 0), len(LENGTH_EDGES) - 2)
        self.lengths[place] += 1
        self.domains[host] += 1
        if language:
            self.lengths_by_language[f"{language}/{place}"] += 1
            self.domains_by_language[f"{language}/{host}"] += 1

    def merge(self, other: "Summary") -> "Summary":
        """Add another summary to this one, which is returned."""
        for name in ("counters", "languages", *_BY_PAGE, "seconds", "totals", "kinds"):
            getattr(self, name).update(getattr(other, name))
        for name, volume in other.volumes.items():
            self.volume(name).add(volume.lines, volume.bytes, volume.pages)
        for rule, entries in other.samples.items():
            both = {*self.samples.get(rule, []), *entries}
            self.samples[rule] = heapq.nsmallest(self.samples_per_rule, both)
        self.digest = (self.digest + other.digest) % (1 << 256)
        self.inputs.extend(other.inputs)
        if len(self.domains) > 2 * MAX_DOMAINS:
            self.domains = Counter(dict(_largest(self.domains.items(), MAX_DOMAINS)))
        if len(self.domains_by_language) > 2 * MAX_DOMAINS:
            self.domains_by_language = Counter(self._largest_by_language())
        return self

    def _largest_by_language(self) -> dict[str, int]:
        """The largest domains of each language, at most `MAX_DOMAINS` of all languages together."""
        languages = sorted({name.partition("/")[0] for name in self.domains_by_language})
        kept: dict[str, int] = {}
        for language in languages:
            own = [item for item in self.domains_by_language.items() if item[0].startswith(f"{language}/")]
            kept.update(_largest(own, MAX_DOMAINS // len(languages)))
        return kept

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values. Keys are sorted, because their order depends on the order of merging."""
        return {
            "samples_per_rule": self.samples_per_rule,
            "counters": dict(sorted(self.counters.items())),
            "volumes": {name: [v.pages, v.lines, v.bytes] for name, v in sorted(self.volumes.items())},
            "samples": {rule: list(map(list, entries)) for rule, entries in sorted(self.samples.items())},
            "languages": dict(sorted(self.languages.items())),
            "domains": dict(_largest(self.domains.items(), MAX_DOMAINS)),
            "lengths": {str(place): count for place, count in sorted(self.lengths.items())},
            "lengths_by_language": dict(sorted(self.lengths_by_language.items())),
            "domains_by_language": dict(sorted(self._largest_by_language().items())),
            "seconds": dict(self.seconds),
            "totals": dict(sorted(self.totals.items())),
            "kinds": dict(sorted(self.kinds.items())),
            "digest": f"{self.digest:064x}",
            "inputs": [asdict(file) for file in sorted(self.inputs)],
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Summary":
        """The inverse of `to_json`."""
        return cls(
            samples_per_rule=fields["samples_per_rule"],
            counters=Counter(fields["counters"]),
            volumes={name: Volume(*numbers) for name, numbers in fields["volumes"].items()},
            samples={rule: [Sample(*entry) for entry in entries] for rule, entries in fields["samples"].items()},
            languages=Counter(fields["languages"]),
            domains=Counter(fields["domains"]),
            lengths=Counter({int(place): count for place, count in fields["lengths"].items()}),
            lengths_by_language=Counter(fields["lengths_by_language"]),
            domains_by_language=Counter(fields["domains_by_language"]),
            seconds=Counter(fields["seconds"]),
            totals=Counter(fields["totals"]),
            kinds=Counter(fields["kinds"]),
            digest=int(fields["digest"], 16),
            inputs=[InputFile(**file) for file in fields["inputs"]],
        )


def _largest(items: Iterable[tuple[str, int]], count: int) -> list[tuple[str, int]]:
    return heapq.nsmallest(count, items, key=lambda item: (-item[1], item[0]))


def largest_domains(summary: Summary, count: int) -> list[tuple[str, int]]:
    """The hosts with the most pages, the largest first. Equal hosts are sorted by name."""
    return _largest(summary.domains.items(), count)


def by_language(summary: Summary, num_domains: int) -> dict[str, dict[str, list]]:
    """Language -> `lengths` (pages per bin of `LENGTH_EDGES`) and `domains` (the hosts with the most pages)."""
    found: dict[str, dict[str, list]] = {}
    for name, count in sorted(summary.lengths_by_language.items()):
        language, _, place = name.partition("/")
        own = found.setdefault(language, {"lengths": [0] * (len(LENGTH_EDGES) - 1), "domains": []})
        own["lengths"][int(place)] = count
    for name, count in _largest(summary.domains_by_language.items(), len(summary.domains_by_language)):
        language, _, host = name.partition("/")
        if len(domains := found[language]["domains"]) < num_domains:
            domains.append([host, count])
    return found
