"""What every worker of wet_to_c4 knows: the settings, and where each work file lies. Small, whatever the input."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import c4pipe
from c4pipe.corpus import variants
from c4pipe.corpus_run.rules_file import RuleSet, read_rules, write_rules
from c4pipe.shards import files

__all__ = ["File", "Plan", "RuleSet", "Settings", "code_digest", "digest", "read_rules", "write_rules"]

# Keys are filed in this many parts by the first bits of their hash; a bucket is a run of parts.
KEY_PART_BITS = 12
NUM_KEY_PARTS = 1 << KEY_PART_BITS

# Names among the settings' assets of the files that --urls and --exclude_urls name.
LISTED_ASSET = "urls"
EXCLUDED_ASSET = "exclude_urls"


class File(NamedTuple):
    """A WET file: its place among all of them by base name, its path, and the name of its work files."""

    number: int
    path: str
    stem: str

    @property
    def name(self) -> str:
        """Base name: what the manifest, the quarantine and the provenance know it by."""
        return files.base_name(self.path)


@dataclass(frozen=True)
class Settings:
    """What decides the bytes of the result, beside the inputs and the code."""

    variant: str
    compat: str
    wet_parser: str
    languages: tuple[str, ...]
    language_identifier: str
    num_shards: int
    format: str
    assets: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As the manifest has it; assets are named there on their own."""
        fields = asdict(self)
        fields["languages"] = list(self.languages)
        del fields["assets"]
        return fields

    @property
    def of_cleaning(self) -> dict[str, Any]:
        """Those that decide what a WET file's pages look like after cleaning.

        Excluded URLs are left out: each file notes which of them it has, so that a takedown leaves the others alone.
        """
        return {
            "variant": self.variant,
            "compat": self.compat,
            "wet_parser": self.wet_parser,
            "assets": self._lasting_assets,
        }

    @property
    def of_finishing(self) -> dict[str, Any]:
        """Those that decide what becomes of a cleaned file's pages, once it is known what they lost."""
        fields = self.to_json()
        del fields["num_shards"], fields["format"]
        return {**fields, "assets": self._lasting_assets}

    @property
    def _lasting_assets(self) -> dict[str, str]:
        return {name: sha256 for name, sha256 in self.assets.items() if name != EXCLUDED_ASSET}


@dataclass(frozen=True)
class Plan:
    """Settings and places of one run. Folders must mean the same to every worker.

    code: `code_digest` of the process that made the plan. through_files: keys go through files of the work folder
    (one machine), else through the runner's shuffle, in 2^shuffle_bits buckets.
    """

    settings: Settings
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
    shuffle_bits: int = 8

    @property
    def variant(self) -> variants.Variant:
        return variants.variant_named(self.settings.variant)

    @property
    def compat(self) -> variants.Compat:
        return variants.compat_named(self.settings.compat)

    @property
    def cleaning_key(self) -> str:
        """Names everything but its WET file that a cleaned file was made from; the code is a part of it."""
        return digest(self.settings.of_cleaning, self.samples_per_rule, self.code)

    @property
    def finishing_key(self) -> str:
        """Names everything that a finished file was made from but its cleaned pages and what they lost."""
        return digest(self.settings.of_finishing, self.samples_per_rule, self.code)

    def run_key(self, inputs_digest: int) -> str:
        """Names everything that the files after cleaning are made from: settings, code, and all inputs."""
        fields = [self.settings.to_json(), dict(self.settings.assets), self.samples_per_rule, self.code]
        return digest(fields, f"{inputs_digest:064x}")[:16]

    def cleaned(self, stem: str, ending: str) -> str:
        """Path of a file of cleaned pages (`.arrow`), its URL keys (`.urls`), quarantine or record (`.json`)."""
        return files.join(self.work, "cleaned", f"{stem}.{self.cleaning_key[:8]}{ending}")

    def finished(self, stem: str, key: str, ending: str) -> str:
        """Path of a file of the pages that a WET file gives the corpus (`.arrow`), or its record (`.json`)."""
        return files.join(self.work, "finished", f"{stem}.{key[:16]}{ending}")

    def later(self, run_key: str, kind: str, name: str) -> str:
        """Path of a work file that depends on all inputs."""
        return files.join(self.work, run_key, kind, name)


def digest(*parts: Any) -> str:
    """SHA-256 of JSON values, as hex."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=1)
def code_digest() -> str:
    """SHA-256 of the version and the source of everything that can change what a worker writes.

    So work committed by other code is never taken over, also where the version was not raised.
    """
    found = hashlib.sha256(c4pipe.__version__.encode())
    root = Path(c4pipe.__file__).parent
    folders = ("contamination", "contamination_run", "corpus", "corpus_run", "near_duplicates", "near_duplicates_run")
    paths = [path for folder in (*folders, "shards", "stages") for path in sorted((root / folder).rglob("*.py"))]
    for path in [*paths, root / "report" / "summary.py", root / "words.py"]:
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()
