"""The plan that every worker of wet_to_c4 gets: the settings and the paths of all work files. Small for any input."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import c4pipe
from c4pipe.corpus import variants
from c4pipe.corpus.recipes import recipe_files
from c4pipe.corpus.recipes.variant import Variant
from c4pipe.corpus.wet.language_header import LanguageHeader
from c4pipe.corpus_run.earlier_crawls import EarlierCrawls
from c4pipe.corpus_run.rules_file import RuleSet, read_rules, write_rules
from c4pipe.near_duplicates.signatures import Banding
from c4pipe.near_duplicates_run.clustering import Clustering
from c4pipe.shards import files
from c4pipe.shards.text_shards import COLUMNS, PROBABILITY

__all__ = ["File", "Plan", "RuleSet", "Settings", "code_digest", "digest", "read_rules", "write_rules"]

# Names in the settings' assets for the files given by --urls and --exclude_urls.
LISTED_ASSET = "urls"
EXCLUDED_ASSET = "exclude_urls"
# The beginning of the names of all lists of bad words.
BADWORDS_ASSET = "badwords/"


class File(NamedTuple):
    """A WET file: its number in the order of base names, its path, and the stem of its work files' names."""

    number: int
    path: str
    stem: str

    @property
    def name(self) -> str:
        """The base name, by which the manifest, the quarantine and the provenance refer to the file."""
        return files.base_name(self.path)


@dataclass(frozen=True)
class Settings:
    """Everything that determines the bytes of the result, besides the inputs and the code.

    variant: the recipe's name; recipe: its digest (`recipe_files.digest`). near_duplicates: one of
    `variants.NEAR_DUPLICATES`. keys: one of `variants.KEYS`. previous: a digest for each earlier crawl.
    language_probability: whether the shards have this column.
    """

    variant: str
    recipe: str
    compat: str
    wet_parser: str
    languages: tuple[str, ...]
    language_identifier: str
    num_shards: int
    format: str
    assets: Mapping[str, str] = field(default_factory=dict)
    near_duplicates: str = variants.KEPT
    keys: str = variants.KEYS_KEPT
    previous: tuple[str, ...] = ()
    language_probability: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the shards."""
        return (*COLUMNS, PROBABILITY) if self.language_probability else COLUMNS

    def to_json(self) -> dict[str, Any]:
        """The settings as in the manifest, which lists assets separately."""
        fields = asdict(self)
        fields["languages"], fields["previous"] = list(self.languages), list(self.previous)
        del fields["assets"]
        # Settings that the first versions did not have are left out if they have their defaults.
        for name, default in (
            ("near_duplicates", variants.KEPT),
            ("keys", variants.KEYS_KEPT),
            ("previous", []),
            (PROBABILITY, False),
        ):
            if fields[name] == default:
                del fields[name]
        return fields

    @property
    def of_cleaning(self) -> dict[str, Any]:
        """The settings that, with the recipe, determine the pages of a WET file after cleaning.

        Excluded URLs are left out. Each cleaned file records which of them it has, so that after a takedown request the
        files without these URLs need not be cleaned again.
        """
        assets = {name: sha256 for name, sha256 in self._lasting_assets.items() if not name.startswith(BADWORDS_ASSET)}
        return {"compat": self.compat, "wet_parser": self.wet_parser, "assets": assets}

    @property
    def of_finishing(self) -> dict[str, Any]:
        """The settings that determine the outcome of a cleaned file's pages, once their losses are known."""
        fields = self.to_json()
        for name in ("num_shards", "format", "previous", PROBABILITY):
            fields.pop(name, None)
        # Which crawls they are shows in what a file loses to them.
        return {**fields, "has_earlier_crawls": bool(self.previous), "assets": self._lasting_assets}

    @property
    def _lasting_assets(self) -> dict[str, str]:
        return {name: sha256 for name, sha256 in self.assets.items() if name != EXCLUDED_ASSET}


@dataclass(frozen=True)
class Plan:
    """The settings and paths of one run. The paths must name the same folders for every worker.

    code: `code_digest` of the process that made the plan. through_files: whether keys travel through files in the work
    folder (one machine) or through the runner's shuffle, in 2^shuffle_bits buckets. earlier: the corpora of earlier
    crawls, whose pages and lines do not come again.
    """

    settings: Settings
    variant: Variant
    output: str
    work: str
    inputs: str
    rules: str
    num_files: int
    code: str
    samples_per_rule: int = 20
    max_quarantined_fraction: float = 0.01
    through_files: bool = True
    bucket_bytes: int = 64 << 20
    shuffle_bits: int = 0
    earlier: EarlierCrawls = field(default_factory=EarlierCrawls)

    def language_header(self) -> LanguageHeader | None:
        """For one WET file, what decides which of its records are skipped; None if the header does not count."""
        if not self.variant.prefers_language_header:
            return None
        return LanguageHeader(variants.header_codes(self.settings.languages))

    @property
    def clustering(self) -> Clustering:
        """The part of the plan for the workers that look for near-duplicates."""
        return Clustering(self.work, Banding(), self.bucket_bytes)

    @property
    def compat(self) -> variants.Compat:
        return variants.compat_named(self.settings.compat)

    @property
    def kinds_of_keys(self) -> tuple[str, ...]:
        """The kinds of keys of the corpus that are kept (names of `keys.KINDS`)."""
        if self.settings.keys == variants.KEYS_OFF:
            return ()
        return ("urls", "lines") if self.variant.deduplicate_lines else ("urls",)

    @property
    def cleaning_key(self) -> str:
        """Digest of everything that a cleaned file depends on, except its WET file. The code is a part of it."""
        recipe = recipe_files.digest(self.variant.until_lines)
        return digest(recipe, self.settings.of_cleaning, self.samples_per_rule, self.code)

    @property
    def contest_key(self) -> str:
        """Digest of everything that the losers of URLs and lines depend on, except the WET files.

        Plans that agree in this have the same losers, in all files.
        """
        previous = list(self.settings.previous)
        return digest(
            self.cleaning_key, previous, self.variant.deduplicate_lines, self.settings.assets.get(EXCLUDED_ASSET)
        )

    @property
    def judging_key(self) -> str:
        """Digest of everything that the pages in a wanted language depend on, except their losses."""
        languages = [*self.settings.languages, self.settings.language_identifier]
        return digest(self.contest_key, recipe_files.digest(self.variant.until_badwords), languages)

    @property
    def finishing_key(self) -> str:
        """Digest of everything that a finished file depends on, except its cleaned pages and their losses."""
        return digest(self.settings.of_finishing, self.samples_per_rule, self.code)

    def run_key(self, inputs_digest: int) -> str:
        """Digest of everything that the files after cleaning depend on: settings, code, and all inputs."""
        fields = [self.settings.to_json(), dict(self.settings.assets), self.samples_per_rule, self.code]
        return digest(fields, f"{inputs_digest:064x}")[:16]

    def contest(self, inputs_digest: int) -> str:
        """The name of the work in which URLs and lines compete. inputs_digest: of all inputs."""
        return digest(self.contest_key, f"{inputs_digest:064x}")[:16]

    def cleaned(self, stem: str, ending: str) -> str:
        """Path of a file of cleaned pages (`.arrow`), its URL keys (`.urls`), quarantine or record (`.json`)."""
        return files.join(self.work, "cleaned", f"{stem}.{self.cleaning_key[:8]}{ending}")

    def finished(self, stem: str, key: str, ending: str) -> str:
        """Path of the file with a WET file's pages in the corpus (`.arrow`), its record (`.json`), or its keys."""
        return files.join(self.work, "finished", f"{stem}.{key[:16]}{ending}")

    def of_clusters(self, run_key: str, stem: str, ending: str) -> str:
        """Path of the list of a WET file's pages that are in clusters (`.parquet`), or of its record (`.json`)."""
        return self.later(run_key, "near_duplicates", f"{stem}{ending}")

    def gathered(self, name: str) -> str:
        """The beginning of the paths of the files in which a run gathers what it knows of all files."""
        return f"{self.inputs.removesuffix('.jsonl')}-gathered/{name}"

    def later(self, run_key: str, kind: str, name: str) -> str:
        """Path of a work file that depends on all inputs."""
        return files.join(self.work, run_key, kind, name)


def digest(*parts: Any) -> str:
    """SHA-256 of JSON values, in hexadecimal."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=1)
def code_digest() -> str:
    """SHA-256 of the version and of all source files that can change what a worker writes.

    So the work of other code is never reused, even if the version was not increased.
    """
    found = hashlib.sha256(c4pipe.__version__.encode())
    root = Path(c4pipe.__file__).parent
    folders = ("contamination", "contamination_run", "corpus", "corpus_run", "near_duplicates", "near_duplicates_run")
    paths = [path for folder in (*folders, "shards", "stages") for path in sorted((root / folder).rglob("*.py"))]
    for path in [*paths, root / "report" / "summary.py", root / "words.py"]:
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()
