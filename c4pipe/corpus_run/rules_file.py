"""The rules of a run as a file of plain data: numpy arrays, and JSON with a schema.

A list of URLs may be too large to send with the job, so workers read the rules from the work folder. The file is not a
pickle, because whoever could replace a pickle there could run code in every worker.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from c4pipe import checked_json
from c4pipe.corpus.assets import Assets
from c4pipe.corpus.page_lists import ExcludedUrls, ListedUrls
from c4pipe.corpus.sentences.punkt import PunktParameters
from c4pipe.errors import UserError
from c4pipe.shards import files

_RULES, _LISTED = "rules", "listed_urls"
_FAULTS = (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError)


@dataclass(frozen=True)
class RuleSet:
    """The assets and lists of a run."""

    assets: Assets
    listed_urls: ListedUrls | None = None
    excluded_urls: ExcludedUrls | None = None


@dataclass(frozen=True)
class _Punkt:
    abbreviations: list[str]
    collocations: list[tuple[str, str]]
    sentence_starters: list[str]
    orthographic_contexts: dict[str, int]


@dataclass(frozen=True)
class _Excluded:
    urls: list[str]
    domains: list[str]


@dataclass(frozen=True)
class _Stored:
    """The JSON part of the file. Sets are stored as sorted lists, so that the same rules give the same bytes."""

    punkt: _Punkt | None
    badwords: dict[str, list[str]] | None
    realnews: dict[str, bool | list[str]] | None
    sha256: dict[str, str]
    excluded_urls: _Excluded | None
    punkt_of: dict[str, _Punkt]


def write_rules(path: str, rules: RuleSet) -> None:
    """Write the rules for the workers."""
    content = json.dumps(asdict(_stored(rules)), ensure_ascii=False, separators=(",", ":"))
    arrays = {_RULES: np.frombuffer(content.encode("utf-8", "surrogatepass"), dtype=np.uint8)}
    if rules.listed_urls is not None:
        arrays[_LISTED] = rules.listed_urls.keys
    with files.write_atomically(path) as target:
        np.savez(target, allow_pickle=False, **arrays)


def read_rules(path: str) -> RuleSet:
    """The rules that the launcher wrote to the work folder.

    Raises: UserError if the file is missing or damaged, or is not a rules file.
    """
    content = files.read_bytes(path)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            text = arrays[_RULES].tobytes().decode("utf-8", "surrogatepass")
            listed = ListedUrls.of_keys(arrays[_LISTED]) if _LISTED in arrays else None
        stored = checked_json.parse(text, _Stored)
    except _FAULTS as error:
        raise UserError(f"{path} is damaged ({error}); remove it and run the same command again") from error
    return RuleSet(_assets(stored), listed, _excluded(stored.excluded_urls))


def _stored(rules: RuleSet) -> _Stored:
    assets, excluded = rules.assets, rules.excluded_urls
    return _Stored(
        punkt=_punkt(assets.punkt) if assets.punkt is not None else None,
        punkt_of={language: _punkt(parameters) for language, parameters in sorted(assets.punkt_of.items())},
        badwords=_lists(assets.badwords) if assets.badwords is not None else None,
        realnews=dict(assets.realnews) if assets.realnews is not None else None,
        sha256=dict(assets.sha256),
        excluded_urls=_Excluded(sorted(excluded.urls), sorted(excluded.domains)) if excluded is not None else None,
    )


def _punkt(parameters: PunktParameters) -> _Punkt:
    return _Punkt(
        sorted(parameters.abbreviations),
        sorted(parameters.collocations),
        sorted(parameters.sentence_starters),
        parameters.orthographic_contexts,
    )


def _lists(badwords: Mapping[str, frozenset[str]]) -> dict[str, list[str]]:
    return {language: sorted(words) for language, words in badwords.items()}


def _assets(stored: _Stored) -> Assets:
    return Assets(
        punkt=_parameters(stored.punkt) if stored.punkt is not None else None,
        punkt_of={language: _parameters(punkt) for language, punkt in stored.punkt_of.items()},
        badwords={language: frozenset(words) for language, words in stored.badwords.items()}
        if stored.badwords is not None
        else None,
        realnews=stored.realnews,
        sha256=stored.sha256,
    )


def _parameters(punkt: _Punkt) -> PunktParameters:
    return PunktParameters(
        frozenset(punkt.abbreviations),
        frozenset(punkt.collocations),
        frozenset(punkt.sentence_starters),
        punkt.orthographic_contexts,
    )


def _excluded(stored: _Excluded | None) -> ExcludedUrls | None:
    return ExcludedUrls.of(stored.urls, stored.domains) if stored is not None else None
