"""The files of each kind of folder beside the shards that its manifest lists by name."""

from dataclasses import dataclass

from c4pipe.shards import provenance
from c4pipe.shards.manifest import Manifest
from c4pipe.vocabulary.folders import MODEL_FILE, PIECES_FILE

REPORT, REPORT_PAGE, QUARANTINE = "report.json", "report.html", "quarantine.jsonl"
CARD = "README.md"  # a data set's or a model's card
REPORTS = frozenset({REPORT, REPORT_PAGE, QUARANTINE})
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


@dataclass(frozen=True)
class Kind:
    """needed: without these the folder is not whole. others: may be missing.

    patterns: of shards whose names are known only when they are written.
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
        others=(REPORT, REPORT_PAGE, QUARANTINE, "clusters.parquet"),
        patterns=("c4-*-of-*", "_provenance/provenance-*-of-*", CARD),
    ),
    "vocabulary": Kind(needed=(MODEL_FILE, PIECES_FILE), others=(*_TOKENIZER, REPORT_PAGE, QUARANTINE)),
    "examples": Kind(needed=(MODEL_FILE,), others=(REPORT, REPORT_PAGE, QUARANTINE)),
    "tasks": Kind(needed=(MODEL_FILE,), others=(REPORT, REPORT_PAGE, QUARANTINE)),
    "hugging_face": Kind(
        needed=("config.json", "model.safetensors", MODEL_FILE),
        others=(*_TOKENIZER, "generation_config.json", CARD),
    ),
}  # fmt: skip


def files_of(made: Manifest) -> dict[str, int | None]:
    """Every file that a finished folder may have beside its manifest: name -> bytes where the manifest tells them.

    The card of a C4 folder is ours where the manifest says so: versions that wrote none left the name to the user.
    """
    kind = KINDS.get(made.kind, Kind())
    found: dict[str, int | None] = dict.fromkeys((*kind.needed, *kind.others))
    for shards in made.splits.values():
        for shard in shards:
            found[shard.file] = shard.bytes
            if made.kind == "c4":
                found.update(dict.fromkeys(path.removeprefix("./") for path in provenance.places(shard.file)))
    if made.kind == "c4" and made.statistics.get("card") == CARD:
        found[CARD] = None
    return found
