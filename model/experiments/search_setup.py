"""A search with all that it needs to be carried out, and the file that tells which search a folder holds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from c4pipe import checked_json
from c4pipe.errors import UserError
from c4pipe.folders import names
from c4pipe.shards import files
from model.architectures.config import ModelConfig
from model.experiments.inputs import Inputs
from model.experiments.plan import Plan
from model.experiments.scale import RUNNING, Scale

PAGE_FILE, CSV_FILE, LATEX_FILE, RECORD = "search.html", "search.csv", "search.tex", "search.json"
_NAMES = (PAGE_FILE, CSV_FILE, LATEX_FILE, RECORD)


@dataclass(frozen=True)
class Setup:
    """A search.

    config: of the given checkpoint, if there is one. missing: rows that cannot be run -> the reason. runs: the folder
    of all nodes. seeds: of each row; baseline_seeds: of the baseline; first_seed: their first. has_references: whether
    the page compares with scores that need no network. command: the arguments of this start, for the files of clusters.
    """

    plan: Plan
    scale: Scale
    inputs: Inputs
    config: ModelConfig | None
    missing: Mapping[str, str]
    output: Path
    runs: str
    seeds: int
    baseline_seeds: int
    first_seed: int = 0
    has_references: bool = False
    command: Sequence[str] = ()

    def seeds_of_rows(self) -> dict[str, range]:
        """The seeds of each row that can be run."""
        return {
            row.name: range(
                self.first_seed,
                self.first_seed
                + (max(self.seeds, self.baseline_seeds) if row.name == self.plan.baseline else self.seeds),
            )
            for row in self.plan.rows
            if row.name not in self.missing
        }

    def identity(self) -> dict[str, Any]:
        """What `search.json` holds: whether a folder holds this search. Rows and seeds may be added later."""
        scale = {name: value for name, value in asdict(self.scale).items() if name not in ("seeds", "baseline_seeds")}
        for part in ("pretrain", "finetune"):
            scale[part] = {name: value for name, value in scale[part].items() if name not in RUNNING}
        inputs = {
            "corpora": {name: corpus.digest for name, corpus in self.inputs.corpora.items()},
            "vocabulary": self.inputs.vocabulary.digest,
            "columns": {column.name: column.digest for column in self.inputs.columns},
            "checkpoint": self.inputs.checkpoint and self.inputs.checkpoint_digest,
        }
        return json.loads(json.dumps({"plan": self.plan.title, "scale": scale, "inputs": inputs}))

    def settings(self) -> dict[str, dict[str, Any]]:
        """The tables of settings at the end of the page: title -> content."""
        found = self.identity()
        seeds = {"seeds": self.seeds, "baseline_seeds": max(self.seeds, self.baseline_seeds)}
        if self.inputs.checkpoint is None:
            return {"Scale": {**found["scale"], **seeds}, "Inputs": found["inputs"]}
        of_finetuning = ("finetune", "learning_rates", "validation_examples")
        scale = {name: found["scale"][name] for name in of_finetuning}
        return {"Settings": {**scale, **seeds}, "Inputs": found["inputs"]}

    def check_folder(self) -> None:
        """Raises: UserError if the folder holds another search, or files with our names that no search wrote."""
        record = self.output / RECORD
        if not record.exists():
            names.refuse_others(str(self.output), names.matching(str(self.output), _NAMES))
            return
        try:
            there = checked_json.parse_any(record.read_bytes())
        except (OSError, ValueError) as error:
            raise UserError(f"{record} is damaged ({error}); remove it, or give another --output") from error
        mine = self.identity()
        differing = [part for part in mine if not isinstance(there, dict) or there.get(part) != mine[part]]
        if differing:
            raise UserError(
                f"{self.output} holds another search: its {' and its '.join(differing)} differ; give another --output "
                "(with --runs=DIR, searches share what they have in common)"
            )

    def write_record(self) -> None:
        """Write `search.json`, which says that the folder is ours."""
        write_if_new(self.output / RECORD, json.dumps(self.identity(), indent=1) + "\n")


def write_if_new(path: Path, text: str) -> None:
    """Write a file, unless it already has this content."""
    if not path.exists() or path.read_bytes() != text.encode():
        files.write_bytes(str(path), text.encode())
