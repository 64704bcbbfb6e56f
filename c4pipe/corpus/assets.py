"""The files that C4 needs besides the crawl: Punkt's parameters, lists of bad words, the domains of RealNews.

The process that starts the pipeline looks for them once, at launch. If the user gives a folder, it looks there and
nowhere else; otherwise first in the user's cache, then at their pinned addresses. Workers get them with the job.
"""

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from c4pipe import machine
from c4pipe.corpus.badwords import base_language, parse_lists
from c4pipe.corpus.language.language_data import language_data
from c4pipe.corpus.own_badwords import own_lists
from c4pipe.corpus.pinned_assets import (
    BADWORDS,
    BUNDLED,
    PUNKT,
    PUNKT_ARCHIVE,
    PUNKT_TAB,
    REALNEWS,
    PinnedFile,
)
from c4pipe.corpus.recipes.variant import OF_LANGUAGE
from c4pipe.corpus.sentences.counter import PUNKT_FILES, parse_punkt_files
from c4pipe.corpus.sentences.punkt import PunktParameters
from c4pipe.corpus.variants import Variant
from c4pipe.errors import UserError

_ENGLISH = "english"
_BUNDLED_FOLDER = Path(__file__).parent / "sentences" / "bundled_punkt"
_TIMEOUT_SECONDS = 60
_MAX_DOWNLOAD_BYTES = 64 << 20


@dataclass(frozen=True)
class Assets:
    """The assets of a variant, in memory. `sha256`: file name below an assets folder -> hash, for the manifest.

    punkt_of: language -> its parameters, for variants that clean each language by its own.
    """

    punkt: PunktParameters | None = None
    badwords: Mapping[str, frozenset[str]] | None = None
    realnews: Mapping[str, bool | list[str]] | None = None
    sha256: dict[str, str] = field(default_factory=dict)
    punkt_of: Mapping[str, PunktParameters] = field(default_factory=dict)


def resolve(
    variant: Variant,
    *,
    folder: str | None = None,
    sentence_model: str = PUNKT_TAB,
    badwords_file: str | None = None,
    languages: Sequence[str] | None = None,
    cache: str | None = None,
) -> Assets:
    """Find everything that `variant` needs.

    folder: the user's `--assets`. sentence_model: `punkt_tab`, `bundled` (parameters that come with this package), or
    a folder with the four files of a `punkt_tab` language. badwords_file: the user's own lists (see `own_lists`), which
    replace the lists of their languages only; or a folder of lists named for their languages, which replaces all lists.
    languages: the run's languages; if not given, the variant's. cache: the folder of downloads; if not given,
    `machine.cache_folder`.

    Raises: UserError if an asset is not found.
    """
    finder = _Finder(folder, Path(cache or machine.cache_folder()))
    punkt = badwords = realnews = None
    punkt_of = {}
    if variant.sentences == OF_LANGUAGE:
        punkt_of = _punkt_of(finder, sentence_model, variant, languages or variant.languages)
    elif variant.needs_sentences:
        punkt = parse_punkt_files(_punkt_files(finder, sentence_model, variant.sentences))
    if variant.needs_badwords:
        badwords = parse_lists(_badwords_lists(finder, variant, badwords_file, languages or variant.languages))
    if variant.listed_domains:
        realnews = _domains(finder.find(REALNEWS))
    return Assets(punkt, badwords, realnews, dict(sorted(finder.sha256.items())), punkt_of)


def _punkt_of(
    finder: "_Finder", sentence_model: str, variant: Variant, languages: Sequence[str]
) -> dict[str, PunktParameters]:
    """Language -> Punkt's parameters, for the languages whose sentences are not counted by end marks alone."""
    names = {code: variant.punkt_of(language_data(code)) for code in languages}
    return {code: parse_punkt_files(_punkt_files(finder, sentence_model, name)) for code, name in names.items() if name}


def _domains(content: str) -> dict[str, bool | list[str]]:
    """Domain -> whether all its subdomains are allowed, or the list of allowed subdomains.

    Raises: UserError if the file is not such a JSON object.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(map(_is_allowance, found.values())):
        raise UserError(f"{REALNEWS.name} is not the list of RealNews' domains; fetch it again from {REALNEWS.address}")
    return found


def _is_allowance(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, list) and all(isinstance(name, str) for name in value))


def _punkt_files(finder: "_Finder", sentence_model: str, language: str) -> dict[str, str]:
    """The four files of Punkt's parameters. language: the language, for a model that has several."""
    if sentence_model == PUNKT_TAB:
        if language == _ENGLISH:
            return {Path(pinned.name).name: finder.find(pinned) for pinned in PUNKT}
        return {name: finder.find_in(PUNKT_ARCHIVE, f"punkt_tab/{language}/{name}") for name in PUNKT_FILES}
    model = _BUNDLED_FOLDER if sentence_model == BUNDLED else Path(sentence_model)
    files = {}
    for name in PUNKT_FILES:
        path = model / name
        if not path.is_file():
            raise UserError(
                f"no sentence model in {model}: {name} is missing; --sentence_model takes punkt_tab, bundled, or a "
                f"folder with {', '.join(PUNKT_FILES)}"
            )
        files[name] = finder.read(path, f"{sentence_model}/{name}")
    return files


def _badwords_lists(finder: "_Finder", variant: Variant, given: str | None, languages: Sequence[str]) -> dict[str, str]:
    if given is not None and Path(given).is_dir():
        lists = [entry for entry in sorted(Path(given).iterdir()) if entry.is_file() and "." not in entry.name]
        if not lists:
            raise UserError(f"--badwords={given} is a folder without lists named for their languages, such as en or de")
        return {entry.name: finder.read(entry, f"badwords/{entry.name}") for entry in lists}
    own = own_lists(given, languages) if given is not None else {}
    names = {pinned: Path(pinned.name).name for pinned in BADWORDS}
    # The reference reads all lists for mC4, however few languages are kept.
    takes_all = variant.splits_by_language and not variant.cleans_by_language
    wanted = [pinned for pinned, name in names.items() if takes_all or base_language(name) in languages]
    found = {names[pinned]: finder.find(pinned) for pinned in wanted if base_language(names[pinned]) not in own}
    is_named = given is not None and not Path(given).is_file()
    for language, path in own.items():
        name = f"badwords/{language}/{path.name}" if is_named else f"badwords/{path.name}"
        found[language] = finder.read(path, name)
    return found


class _Finder:
    """Finds pinned files and records the hash of each file that is used."""

    def __init__(self, folder: str | None, cache: Path) -> None:
        self._folder = Path(folder) if folder is not None else None
        self._cache = cache
        self.sha256: dict[str, str] = {}
        if self._folder is not None and not self._folder.is_dir():
            raise UserError(f"--assets={folder} is not a folder")

    def find(self, pinned: PinnedFile) -> str:
        """The content of a pinned file: from the user's folder if there is one, else from the cache or its address."""
        if self._folder is not None:
            return self._read_given(pinned.name, pinned)
        return self.read(self._cached(pinned), pinned.name)

    def find_in(self, archive: PinnedFile, member: str) -> str:
        """The content of a file: from the user's folder if there is one, else from a pinned archive."""
        if self._folder is not None:
            return self._read_given(member, archive)
        with zipfile.ZipFile(self._cached(archive)) as members:
            content = members.read(member)
        self.sha256[member] = hashlib.sha256(content).hexdigest()
        return content.decode("utf-8")

    def _read_given(self, name: str, source: PinnedFile) -> str:
        """The content of a file in the user's folder. source: for the error, where to get it."""
        path = Path(self._folder or "") / name
        if not path.is_file():
            raise UserError(
                f"{name} is not in --assets={self._folder}; put it there (from {source.address}), or leave "
                "--assets out to have it downloaded"
            )
        return self.read(path, name)

    def _cached(self, pinned: PinnedFile) -> Path:
        """The path of a pinned file in the cache. It is downloaded if it is not there."""
        path = self._cache / pinned.name
        if not (path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == pinned.sha256):
            _download(pinned, self._cache)
        return path

    def read(self, path: Path, name: str) -> str:
        """The text of a file. Its hash is recorded under `name`."""
        content = path.read_bytes()
        self.sha256[name] = hashlib.sha256(content).hexdigest()
        try:
            # Universal newlines, as the reference opens these files.
            return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8").read()
        except UnicodeDecodeError as error:
            raise UserError(f"{path} is not UTF-8 text: {error}") from error


def _download(pinned: PinnedFile, cache: Path) -> None:
    """Fetch a pinned file into the cache. If it is in an archive, all pinned members of the archive are stored."""
    import urllib.error  # with it come TLS and mail, which take a tenth of a second
    import urllib.request

    try:
        with urllib.request.urlopen(pinned.address, timeout=_TIMEOUT_SECONDS) as response:
            content = response.read(_MAX_DOWNLOAD_BYTES)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise UserError(
            f"cannot download {pinned.address} ({error}); fetch it on another machine and give its folder by "
            f"--assets=DIR (as DIR/{pinned.name}){pinned.alternative}"
        ) from error
    wanted = {pinned: content}
    if pinned.member:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                wanted = {other: archive.read(other.member) for other in PUNKT if other.address == pinned.address}
        except (zipfile.BadZipFile, KeyError) as error:
            raise UserError(f"{pinned.address} is not the archive that was pinned: {error}") from error
    for other, member_content in wanted.items():
        found = hashlib.sha256(member_content).hexdigest()
        if found != other.sha256:
            raise UserError(
                f"{other.address} gave another {other.name} (sha256 {found}, pinned {other.sha256}); put a good copy "
                "into a folder and give it by --assets=DIR"
            )
        _write(cache / other.name, member_content)


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".incomplete")
        with os.fdopen(handle, "wb") as target:
            target.write(content)
        Path(temporary).replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; C4PIPE_CACHE names another cache folder") from error
