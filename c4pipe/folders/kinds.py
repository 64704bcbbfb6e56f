"""The files that each kind of folder has, besides the shards that its manifest lists by name."""

from dataclasses import dataclass

from c4pipe.shards import cluster_files, provenance
from c4pipe.shards.manifest import Manifest, text_statistics
from c4pipe.shards.names import KEYS_FOLDER
from c4pipe.vocabulary.folders import MODEL_FILE, PIECES_FILE

REPORT, REPORT_PAGE, QUARANTINE = "report.json", "report.html", "quarantine.jsonl"
CARD = "README.md"  # the card of a data set or a model
REPORTS = frozenset({REPORT, REPORT_PAGE, QUARANTINE})
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


@dataclass(frozen=True)
class Kind:
    """The files of a kind of folder.

    needed: files without which the folder is not whole. others: files that may be missing. patterns: name patterns of
    files whose names are known only when they are written.
    """

    needed: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names and patterns."""
        return (*self.patterns, *self.needed, *self.others)


KINDS: dict[str, Kind] = {
    "c4": Kind(
        others=(REPORT, REPORT_PAGE, QUARANTINE, cluster_files.FILE_NAME, cluster_files.FILE_NAME_OF_WET),
        patterns=("c4-*-of-*", "_provenance/provenance-*-of-*", f"{KEYS_FOLDER}/*-of-*.keys", CARD),
    ),
    "vocabulary": Kind(needed=(MODEL_FILE, PIECES_FILE), others=(*_TOKENIZER, REPORT_PAGE, QUARANTINE)),
    "examples": Kind(needed=(MODEL_FILE,), others=(REPORT, REPORT_PAGE, QUARANTINE)),
    "tasks": Kind(needed=(MODEL_FILE,), others=(REPORT, REPORT_PAGE, QUARANTINE)),
    "hugging_face": Kind(
        needed=("config.json", "model.safetensors", MODEL_FILE),
        others=(*_TOKENIZER, "generation_config.json", CARD),
    ),
    "hugging_face_in_shards": Kind(
        needed=("config.json", "model.safetensors.index.json", MODEL_FILE),
        others=(*_TOKENIZER, "generation_config.json", CARD),
        patterns=("model-*-of-*.safetensors",),
    ),
}  # fmt: skip


def files_of(made: Manifest) -> dict[str, int | None]:
    """All files that a finished folder may have besides its manifest: name -> bytes, or None if the manifest has none.

    The card of a C4 folder is ours only if the manifest says so. Older versions wrote no card, so there a file of this
    name is the user's.
    """
    kind = KINDS.get(made.kind, Kind())
    found: dict[str, int | None] = dict.fromkeys((*kind.needed, *kind.others))
    for shards in made.splits.values():
        for shard in shards:
            found[shard.file] = shard.bytes
            if made.kind == "c4":
                found.update(dict.fromkeys(path.removeprefix("./") for path in provenance.places(shard.file)))
    if made.kind == "c4":
        for shards in text_statistics(made).keys.values():
            found.update({f"{KEYS_FOLDER}/{shard.file}": shard.bytes for shard in shards})
    if made.kind == "c4" and made.statistics.get("card") == CARD:
        found[CARD] = None
    return found
